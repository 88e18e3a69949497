// Requests without a body share keep-alive connections to the app, and its responses reach the client byte for byte, as they arrive.

import { once } from "node:events";
import { request as requestOf } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksRedis } from "@slipway/testkit";
import type { App } from "@slipway/core";
import { startTarget, startTestRouter, routerKinds } from "../test-support/router.ts";
import type { TestRouter } from "../test-support/router.ts";

describe.skipIf(await lacksRedis()).each(routerKinds)(
  "requests over keep-alive connections, $name",
  ({ settings }) => {
    let router: TestRouter;
    beforeAll(async () => {
      router = await startTestRouter({ ...settings, ROUTER_TIMEOUT_MS: "300" });
    });
    afterAll(() => router[Symbol.asyncDispose]());

    /** Starts an app, and counts the connections that it accepts. */
    const startApp = async (listener: RequestListener) => {
      const target = await startTarget(listener);
      const counts = { connections: 0 };
      target.server.on("connection", () => (counts.connections += 1));
      const app = await router.newApp();
      await router.serve(app, [target.address]);
      return {
        app,
        counts,
        server: target.server,
        [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
      };
    };
    const open = async ({ name }: App): Promise<IncomingMessage> => {
      const headers = { host: `${name}.localhost` };
      const outgoing = requestOf({ host: "127.0.0.1", port: router.port, headers, agent: false }).end();
      const [response] = (await once(outgoing, "response")) as [IncomingMessage];
      return response;
    };

    test("requests one after the other use one connection, those with a body open another", async () => {
      await using target = await startApp((request, response) => response.end(request.method));
      for (const method of ["GET", "OPTIONS", "GET"])
        expect(await router.send(target.app, { method })).toMatchObject({ status: 200, body: method });
      expect(target.counts.connections).toBe(1);
      expect((await router.send(target.app, { method: "POST", body: "x" })).body).toBe("POST");
      expect(target.counts.connections).toBe(2);
    });

    test("an app that closes each connection after its response, and HEAD, are answered", async () => {
      await using target = await startApp((request, response) =>
        response.setHeader("connection", "close").end(request.method),
      );
      for (const method of ["GET", "HEAD", "GET"]) {
        const body = method === "HEAD" ? "" : method;
        expect(await router.send(target.app, { method })).toMatchObject({ status: 200, body });
      }
    });

    test("bytes of headers and bodies stay as they are, with and without a length, small and large", async () => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
      const bodies = { "/small": bytes, "/large": Buffer.alloc(3_000_000, bytes) };
      await using target = await startApp((request, response) => {
        const [path = "", query] = (request.url ?? "").split("?");
        const body = bodies[path as keyof typeof bodies];
        if (query === "length") response.setHeader("content-length", body.length);
        response.writeHead(200, { "x-latin": "\u00e9" });
        response.end(body);
      });
      for (const path of Object.keys(bodies) as (keyof typeof bodies)[])
        for (const query of ["", "?length"]) {
          const outgoing = requestOf({
            host: "127.0.0.1",
            port: router.port,
            path: `${path}${query}`,
            headers: { host: `${target.app.name}.localhost` },
            agent: false,
          }).end();
          const [response] = (await once(outgoing, "response")) as [IncomingMessage];
          expect(response.headers["x-latin"]).toBe("\u00e9");
          expect((await buffer(response)).equals(bodies[path])).toBe(true);
        }
    });

    test("a part of a response reaches the client before the app has sent the rest", async () => {
      const rest = Promise.withResolvers<void>();
      await using target = await startApp((_request, response) => {
        response.setHeader("content-length", 10).write("first");
        void rest.promise.then(() => response.end("-last"));
      });
      const response = await open(target.app);
      const [first] = (await once(response, "data")) as [Buffer];
      expect(first.toString()).toBe("first");
      rest.resolve();
      expect((await buffer(response)).toString()).toBe("-last");
    });

    test("an interim response is not taken for the response", async () => {
      await using target = await startApp((_request, response) =>
        response.writeEarlyHints({ link: "</style.css>; rel=preload" }, () => response.end("final")),
      );
      expect(await router.send(target.app)).toMatchObject({ status: 200, body: "final" });
    });

    test("an app may send 100 Continue without a request for it", async () => {
      await using target = await startApp((_request, response) => {
        response.writeContinue();
        response.end("final");
      });
      for (let count = 0; count < 2; count += 1)
        expect(await router.send(target.app)).toMatchObject({ status: 200, body: "final" });
    });

    test("an app does not send more than a client reads", async () => {
      const filled = Promise.withResolvers<void>();
      await using target = await startApp((_request, response) => {
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(1024 * 1024)));
          filled.resolve();
        };
        response.on("drain", more);
        more();
      });
      const connected = once(target.server, "connection") as Promise<[Socket]>;
      const response = await open(target.app);
      const [socket] = await connected;
      await filled.promise;
      // The client reads nothing, so the app can write only until the buffers are full.
      await expect.poll(() => stays(() => socket.bytesWritten), { timeout: 20_000 }).toBe(true);
      expect(socket.bytesWritten).toBeLessThan(64 * 1024 * 1024);
      const closed = new Promise((resolve) => socket.on("error", () => undefined).once("close", resolve));
      response.destroy();
      await closed;
    });

    test("a response whose rest does not come in time is cut off", async () => {
      await using target = await startApp((_request, response) => response.write("half"));
      const response = await open(target.app);
      await expect(buffer(response)).rejects.toThrow("aborted");
    });

    test("a response shorter than its length is cut off", async () => {
      const apps = createServer((socket) => {
        socket.on("error", () => undefined);
        socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"));
      });
      await once(apps.listen(0, "127.0.0.1"), "listening");
      const app = await router.newApp();
      await router.serve(app, [{ host: "127.0.0.1", port: (apps.address() as AddressInfo).port }]);
      const response = await open(app);
      await expect(buffer(response)).rejects.toThrow("aborted");
      apps.close();
    });
  },
);

/** Whether the value is the same in twenty turns of the event loop. */
async function stays(value: () => number): Promise<boolean> {
  const before = value();
  for (let count = 0; count < 20; count += 1) await new Promise(setImmediate);
  return value() === before;
}
