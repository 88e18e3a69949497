// HAProxy and the router end together, whatever ends either of them.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { cutServer, freePort, lacksHaproxy, lacksRedis, startPrivateRedis } from "@slipway/testkit";

const main = new URL("../main.ts", import.meta.url).pathname;

interface RouterProcess extends AsyncDisposable {
  readonly port: number;
  readonly child: ChildProcess;
  /** Resolves with the exit code, or the signal. */
  readonly ended: Promise<unknown>;
  /** All that the process has printed, when it has ended. */
  readonly output: Promise<string>;
  haproxyPid(): Promise<number>;
}

/** Starts the router as a process of its own, like `npm start`. */
async function startProcess(port: number): Promise<RouterProcess> {
  await using opened = new AsyncDisposableStack();
  const { path: folder } = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-router-")));
  const redis = opened.use(await startPrivateRedis());
  const child = spawn(process.execPath, [main], {
    env: {
      ROUTER_HAPROXY: "haproxy",
      ROUTER_PORT: String(port),
      DATA_DIR: folder,
      TMPDIR: folder,
      REDIS_URL: redis.url,
      GRACE_MS: "60000",
      INSTALLATION_ID: `test-${randomUUID().slice(0, 8)}`,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit").then(([code, signal]: unknown[]) => signal ?? code);
  const output = Promise.all([child.stdout, child.stderr].map(text)).then((parts) => parts.join(""));
  opened.defer(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const resources = opened.move();
  return {
    port,
    child,
    ended,
    output,
    haproxyPid: async () => Number(await readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8")),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

const health = async (port: number) =>
  fetch(`http://127.0.0.1:${port}/health`).then(
    ({ status }) => status,
    () => "refused",
  );
const isReady = (port: number) => expect.poll(() => health(port), { timeout: 30_000 }).toBe(200);

describe.skipIf((await lacksRedis()) || (await lacksHaproxy()))("the router's process with HAProxy", () => {
  test("a killed router takes HAProxy with it, and another one can use the port", async () => {
    const port = await freePort();
    {
      await using router = await startProcess(port);
      await isReady(port);
      router.child.kill("SIGKILL");
      await router.ended;
      await expect.poll(() => health(port)).toBe("refused");
    }
    await using next = await startProcess(port);
    await isReady(next.port);
  });

  test("the router ends when HAProxy ends, and logs the reason", async () => {
    await using router = await startProcess(await freePort());
    await isReady(router.port);
    process.kill(await router.haproxyPid(), "SIGKILL");
    expect(await router.ended).toBe(1);
    expect(await router.output).toContain("HAProxy has ended: SIGKILL");
  });

  test("the router does not start when another process has its port, and names the reason", async () => {
    const other = createServer();
    await once(other.listen(0, "127.0.0.1"), "listening");
    const { port } = other.address() as { port: number };
    await using router = await startProcess(port);
    expect(await router.ended).toBe(1);
    expect(await router.output).toMatch(
      /configuration-invalid.*HAProxy does not start: .*Address already in use/,
    );
    await cutServer(other);
  });

  test("a router that is stopped answers the requests in flight, and exits with 0", async () => {
    await using router = await startProcess(await freePort());
    await isReady(router.port);
    // Neither a new connection nor one between two requests delays the end.
    const idle = connect(router.port, "127.0.0.1").on("error", () => undefined);
    const used = connect(router.port, "127.0.0.1").on("error", () => undefined);
    used.write("GET / HTTP/1.1\r\nHost: none.localhost\r\n\r\n");
    await once(used, "data");
    const client = connect(router.port, "127.0.0.1");
    // The rest of the body follows after the signal.
    client.write("POST / HTTP/1.1\r\nHost: none.localhost\r\nContent-Length: 2\r\n\r\nx");
    await once(client, "connect");
    router.child.kill("SIGTERM");
    client.write("x");
    expect(await text(client)).toMatch(/^HTTP\/1\.1 404 /);
    expect(await router.ended).toBe(0);
    for (const connection of [idle, used]) connection.destroy();
  });
});
