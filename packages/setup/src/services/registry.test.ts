import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freePort } from "@slipway/testkit";
import { findProgram } from "../machine/find-program.ts";
import { htpasswdLine } from "./htpasswd.ts";
import { ensureRegistry, registryConfiguration } from "./registry.ts";
import { readServices, recordService, runningProcess, stopProcess } from "./services.ts";
import { spawnService } from "./spawn-service.ts";

const program = await findProgram("docker-registry");

let dataDir = "";
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-registry-"));
});
afterEach(async () => {
  for (const service of await readServices(dataDir))
    if (service.kind === "process") await stopProcess(service, 10_000);
  await rm(dataDir, { recursive: true });
});

const lines: string[] = [];
const ensured = () =>
  ensureRegistry(
    { dataDir, id: "0a1b2c3d", signingKeysFile: "", receiptKeyFile: "-r", adminToken: "" },
    undefined,
    { docker: {} as Docker, local: true } as Parameters<typeof ensureRegistry>[2],
    (line) => lines.push(line),
  );

/** @returns the status of the registry's response to a request with these credentials. */
async function statusOf(url: string, credentials?: string): Promise<number> {
  const headers: Record<string, string> =
    credentials === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
  const answer = await fetch(`${new URL(url).origin}/v2/`, { headers });
  await answer.body?.cancel();
  return answer.status;
}

test("a password is hashed with bcrypt, each time with another salt", async () => {
  const [first, second] = [await htpasswdLine("slipway", "secret"), await htpasswdLine("slipway", "secret")];
  for (const line of [first, second]) expect(line).toMatch(/^slipway:\$2[aby]\$04\$[./A-Za-z0-9]{53}\n$/);
  expect(second).not.toBe(first);
});

describe.skipIf(program === undefined)("the private registry", () => {
  test("the private registry answers 401 without its password, and its password is in no message", async () => {
    const url = new URL(await ensured());
    const { username, password } = url;
    expect([username, password]).toEqual(["slipway", expect.stringMatching(/^[0-9a-f]{48}$/)]);
    expect(await statusOf(url.href)).toBe(401);
    expect(await statusOf(url.href, "slipway:wrong")).toBe(401);
    expect(await statusOf(url.href, `other:${password}`)).toBe(401);
    expect(await statusOf(url.href, `slipway:${password}`)).toBe(200);
    expect(lines.join("\n")).not.toContain(password);
    for (const file of ["password", "htpasswd", "config.yml"])
      expect((await stat(join(dataDir, "registry", file))).mode & 0o777).toBe(0o600);
    const process = await runningProcess(dataDir, "registry");
    expect(await ensured()).toBe(url.href.replace(/\/$/, ""));
    expect(await runningProcess(dataDir, "registry")).toEqual(process);
  });

  test("a registry of an earlier version is started again with a password, on its port and with its images", async () => {
    const port = await freePort();
    await ensured();
    const folder = join(dataDir, "registry");
    const asked = await runningProcess(dataDir, "registry");
    if (asked) await stopProcess(asked, 10_000);
    await Promise.all(["password", "htpasswd"].map((file) => rm(join(folder, file))));
    await writeFile(join(folder, "port"), String(port));
    const file = join(folder, "config.yml");
    await writeFile(file, registryConfiguration(join(folder, "storage"), port, "secret"));
    const { identity } = await spawnService(program ?? "", ["serve", file], join(folder, "registry.log"));
    await recordService(dataDir, { kind: "process", name: "registry", ...identity });
    await expect
      .poll(() => statusOf(`http://127.0.0.1:${port}`).catch(() => 0), { timeout: 30_000 })
      .toBe(200);
    const started = await fetch(`http://127.0.0.1:${port}/v2/apps/a/blobs/uploads/`, { method: "POST" });
    expect(started.status).toBe(202);

    const url = await ensured();
    expect(new URL(url).port).toBe(String(port));
    expect(await statusOf(url)).toBe(401);
    expect(await statusOf(url, `slipway:${new URL(url).password}`)).toBe(200);
    expect(await readFile(file, "utf8")).toContain(JSON.stringify(join(folder, "storage")));
  });
});
