// A response that is queued behind another one on its client's connection delays neither the app's connection nor a cutover.

import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksRedis, requestHead } from "@slipway/testkit";
import type { App } from "@slipway/core";
import { answering, startTarget, startTestRouter } from "../test-support/router.ts";
import type { TestRouter } from "../test-support/router.ts";

describe.skipIf(await lacksRedis())("pipelined requests", () => {
  let router: TestRouter;
  beforeAll(async () => {
    router = await startTestRouter();
  });
  afterAll(() => router[Symbol.asyncDispose]());

  /** Starts an app that responds to `/small` at once, to `/large` without an end, and to `/slow` when `finish` is called. */
  const startApp = async () => {
    const [responding, finished] = [Promise.withResolvers<Socket>(), Promise.withResolvers<void>()];
    const target = await startTarget((request, response) => {
      request.resume();
      if (request.url === "/slow") {
        void finished.promise.then(() => response.end("slow"));
        return;
      }
      if (request.url === "/small") response.end("small");
      else while (response.write(Buffer.alloc(64 * 1024)));
      responding.resolve(request.socket);
    });
    const app = await router.newApp();
    await router.cutOver(app, [target.address]);
    return {
      app,
      /** The connection of the response that is not slow. */
      responding: responding.promise,
      finish: () => finished.resolve(),
      [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
    };
  };

  /** Sends a slow request and another in one packet. */
  const pipeline = (method: string, path: string, slow: App, app: App): Socket => {
    const body = method === "POST" ? "x" : "";
    const client = connect(router.port, "127.0.0.1").on("error", () => undefined);
    client.write(
      requestHead("GET /slow", [], `${slow.name}.localhost`) +
        requestHead(`${method} ${path}`, [`Content-Length: ${body.length}`], `${app.name}.localhost`) +
        body,
    );
    return client;
  };

  const closed = async (connection: Socket) => {
    if (!connection.on("error", () => undefined).destroyed) await once(connection, "close");
  };

  describe.each(["GET", "POST"])("of method %s", (method) => {
    test.each(["/small", "/large"])("a disconnect ends the exchange of %s", async (path) => {
      await using target = await startApp();
      await using next = await answering("next");
      const client = pipeline(method, path, target.app, target.app);
      const connection = await target.responding;
      client.destroy();
      if (path === "/large") await closed(connection);
      await router.cutOver(target.app, [next.address], 60_000);
      await closed(connection);
      expect((await router.send(target.app)).body).toBe("next");
    });

    test("a cutover does not wait for a client that has not received the complete response", async () => {
      await using first = await startApp();
      await using target = await startApp();
      await using next = await answering("next");
      const client = pipeline(method, "/small", first.app, target.app);
      await target.responding;
      await router.cutOver(target.app, [next.address], 60_000);
      first.finish();
      let received = "";
      for await (const chunk of client) if ((received += String(chunk)).includes("small")) break;
      expect(received).toMatch(/slow[^]*small/);
    });

    test("a cutover aborts a queued response that is not complete after the drain time", async () => {
      await using first = await startApp();
      await using target = await startApp();
      await using next = await answering("next");
      const client = pipeline(method, "/large", first.app, target.app);
      const connection = await target.responding;
      await router.cutOver(target.app, [next.address], 10);
      await closed(connection);
      expect((await router.send(target.app)).body).toBe("next");
      client.destroy();
    });
  });
});
