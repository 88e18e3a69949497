// The behavior of nginx's configuration for PHP apps, with an nginx that runs as in a release but without PHP-FPM.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempDisposableSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { eventually, freePort } from "@slipway/testkit";
import { describe, expect, test } from "vitest";
import { launchFiles } from "../launch-files.ts";

const program = "/usr/sbin/nginx";

interface Served extends AsyncDisposable {
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<number>;
  /** The first matching line of the log. */
  logged(line: RegExp): Promise<string>;
}

async function serve(files: Readonly<Record<string, string>>): Promise<Served> {
  const folder = mkdtempDisposableSync(join(tmpdir(), "nginx-of-php-"));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder.path, "root", dirname(path)), { recursive: true });
    writeFileSync(join(folder.path, "root", path), content);
  }
  const port = await freePort();
  const config = [...launchFiles("php")]
    .find(([name]) => name === "nginx.conf")?.[1]
    .toString("utf8")
    .replace("@PORT@", `127.0.0.1:${port}`)
    .replace("@ROOT@", join(folder.path, "root"))
    .replace("@BODY_MB@", "1")
    .replace("@HIDDEN@", launchFiles("php").get("hidden.conf")?.toString("utf8") ?? "")
    .replaceAll("/tmp/php", folder.path)
    .replace("/dev/stdout", join(folder.path, "log"))
    .replace("daemon off;", `daemon off; ${process.getuid?.() === 0 ? "user root;" : ""}`);
  writeFileSync(join(folder.path, "nginx.conf"), config ?? "");
  const nginx = spawn(program, ["-e", "stderr", "-c", join(folder.path, "nginx.conf")], {
    stdio: "inherit",
  });
  const exited = once(nginx, "exit");
  const logged = (line: RegExp) =>
    eventually(async () => line.exec(readFileSync(join(folder.path, "log"), "utf8"))?.[0]);
  const get = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
    const sent = request({ port, host: "127.0.0.1", path, headers: { connection: "close", ...headers } });
    sent.end();
    const [response] = (await once(sent, "response")) as [{ statusCode: number; resume(): void }];
    response.resume();
    return response.statusCode;
  };
  await eventually(() => get("/started").catch(() => undefined));
  return {
    get,
    logged,
    [Symbol.asyncDispose]: async () => {
      nginx.kill("SIGQUIT");
      await exited;
      folder.remove();
    },
  };
}

describe.runIf(existsSync(program))("nginx of a PHP app", () => {
  test("nginx of a PHP app sends neither hidden files nor scripts nor keys, also below .well-known", async () => {
    const hidden = [
      ".env",
      ".well-known/.env",
      ".well-known/a/.git/x",
      ".well-known/x.php",
      "db.sqlite",
      "a/b.pem",
    ];
    const shown = [".well-known/security.txt", "a/style.css"];
    const all = [...hidden, ...shown].map((path) => [path, "x"]);
    await using served = await serve(Object.fromEntries(all));
    for (const path of hidden) expect([path, await served.get(`/${path}`)]).toEqual([path, 404]);
    for (const path of shown) expect([path, await served.get(`/${path}`)]).toEqual([path, 200]);
  });

  test("nginx of a PHP app refuses a body that is too large before it is sent", async () => {
    await using served = await serve({});
    expect(await served.get("/", { "content-length": String(1024 ** 2 + 1) })).toBe(413);
  });

  test("nginx of a PHP app uses the address that the router adds as the client's", async () => {
    await using served = await serve({ "a.css": "" });
    await served.get("/a.css", { "x-forwarded-for": "192.0.2.1, 198.51.100.7" });
    expect(await served.logged(/.*(?= "GET \/a\.css)/)).toBe("198.51.100.7");
  });
});
