// A client that does not read its response delays only itself: the app's time limit is paused in the meantime, and runs afterwards.

import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksRedis, requestHead } from "@slipway/testkit";
import type { App } from "@slipway/core";
import { startTarget, startTestRouter, routerKinds } from "../test-support/router.ts";
import type { TestRouter } from "../test-support/router.ts";

/** More than the buffers of both connections hold. */
const bodyBytes = 32 * 1024 * 1024;
const body = Buffer.alloc(bodyBytes);
/** Long enough for a busy machine to forward the data that has arrived. */
const timeoutMs = 1_500;

describe.skipIf(await lacksRedis()).each(routerKinds)("slow clients, $name", ({ settings }) => {
  let router: TestRouter;
  beforeAll(async () => {
    router = await startTestRouter({ ...settings, ROUTER_TIMEOUT_MS: String(timeoutMs) });
  });
  afterAll(() => router[Symbol.asyncDispose]());

  /** Starts an app that sends `bodyBytes`, and announces `missingBytes` more. On `/silent` it sends nothing. */
  const startApp = async (missingBytes: number) => {
    const filled = Promise.withResolvers<void>();
    const target = await startTarget((request, response) => {
      request.resume();
      if (request.url === "/silent") return;
      response.writeHead(200, { "content-length": bodyBytes + missingBytes });
      if (!response.write(body)) filled.resolve();
      if (missingBytes === 0) response.end();
    });
    const app = await router.newApp();
    await router.serve(app, [target.address]);
    return { app, filled: filled.promise, [Symbol.asyncDispose]: () => target[Symbol.asyncDispose]() };
  };

  /** Sends a request, and reads nothing. */
  const open = (app: App, method: string): Socket => {
    const sent = method === "POST" ? "x" : "";
    const client = connect(router.port, "127.0.0.1").on("error", () => undefined);
    const head = requestHead(`${method} /`, [`Content-Length: ${sent.length}`], `${app.name}.localhost`);
    client.pause().write(head + sent);
    return client;
  };

  /** Resolves when the time limit has passed, measured by a request whose time limit the router enforces. */
  const exceedLimit = async (app: App) => {
    for (let count = 0; count < 2; count += 1)
      expect(await router.send(app, { path: "/silent" })).toMatchObject({ status: 504 });
  };

  test("a client that stops its upload receives 408, not the page of an app that timed out", async () => {
    await using target = await startApp(0);
    const client = connect(router.port, "127.0.0.1").on("error", () => undefined);
    client.write(
      requestHead("POST /silent", ["Content-Length: 10"], `${target.app.name}.localhost`) + "half",
    );
    const [bytes] = (await once(client, "data")) as [Buffer];
    expect(bytes.toString()).toMatch(/^HTTP\/1\.1 408 /);
    await once(client, "close");
  });

  describe.each(["GET", "POST"])("of method %s", (method) => {
    test("a response outlasts the app's time limit while its client does not read", async () => {
      await using target = await startApp(0);
      const client = open(target.app, method);
      await target.filled;
      await exceedLimit(target.app);
      expect(await readBody(client)).toBeGreaterThan(bodyBytes);
      client.destroy();
    });

    test("a response that stalls is cut off when its client has caught up", async () => {
      await using target = await startApp(1);
      const client = open(target.app, method);
      await target.filled;
      await exceedLimit(target.app);
      const cutOff = once(client, "close").then(() => "cut off");
      await readBody(client);
      expect(await Promise.race([cutOff, exceedLimit(target.app)])).toBe("cut off");
    });
  });
});

/** @returns the bytes received with the head, as soon as they exceed `bodyBytes`. @throws Error when the connection closes before. */
async function readBody(client: Socket): Promise<number> {
  const caughtUp = Promise.withResolvers<number>();
  let count = 0;
  client.on("data", (bytes: Buffer) => {
    count += bytes.length;
    if (count > bodyBytes) caughtUp.resolve(count);
  });
  client.once("close", () => caughtUp.reject(new Error(`closed after ${count} bytes`))).resume();
  return caughtUp.promise;
}
