// Clients and apps that reset, drop or half-close their connections at each step of an exchange do not affect other clients.

import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { lacksRedis, leaveAtEachPoint, maskedFrame, requestHead, upgradeHead } from "@slipway/testkit";
import type { ClientStep } from "@slipway/testkit";
import type { App } from "@slipway/core";
import { startTarget, startTestRouter, routerKinds } from "../test-support/router.ts";
import type { TestRouter, TestTarget } from "../test-support/router.ts";

describe.skipIf(await lacksRedis()).each(routerKinds)("disconnects, $name", ({ settings }) => {
  let router: TestRouter;
  let target: TestTarget;
  let app: App;
  let host: string;

  beforeAll(async () => {
    router = await startTestRouter(settings);
    target = await startTarget((request, response) => {
      const from = request.headers["x-forwarded-for"];
      forwarded.add(from);
      request.resume().on("end", () => response.end(`from ${String(from)}`));
    });
    new WebSocketServer({ server: target.server }).on("connection", (webSocket, { headers }) => {
      forwarded.add(headers["x-forwarded-for"]);
      webSocket.on("error", () => undefined);
      webSocket.on("message", (data: Buffer) => webSocket.send(`echo ${data.toString()}`));
    });
    app = await router.newApp();
    await router.serve(app, [target.address]);
    host = `${app.name}.localhost`;
  });
  afterAll(async () => {
    await router[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });

  const forwarded = new Set<unknown>();
  /** @returns the errors that occurred when clients disconnected at each step of an exchange. */
  const faultsOf = async (steps: readonly ClientStep[]): Promise<unknown[]> => [
    ...(await leaveAtEachPoint({ port: router.port, steps, stillAnswers })),
    ...router.logLines,
  ];
  const stillAnswers = async () => {
    expect([...forwarded]).not.toContain("");
    expect(await router.send({ name: "nothing" })).toMatchObject({ status: 404 });
    expect(await router.send(app)).toMatchObject({ status: 200, body: "from 127.0.0.1" });
  };

  test("disconnects of clients during requests do not affect others", async () => {
    const post = requestHead("POST /", ["Content-Length: 100000"], host) + "x".repeat(100_000);
    const chunked = requestHead("POST /", ["Transfer-Encoding: chunked"], host);
    expect(
      await faultsOf([
        { send: requestHead("GET /", [], host), until: "from 127.0.0.1" },
        { send: post, until: "from 127.0.0.1" },
        { send: `${chunked}3\r\nabc\r\n0\r\n\r\n`, until: "from 127.0.0.1" },
        { send: requestHead("GET /", [], "nothing.localhost"), until: "No app here" },
        { send: requestHead("CONNECT example.com:443") },
      ]),
    ).toEqual([]);
  });

  test("disconnects of WebSocket clients do not affect others", async () => {
    expect(
      await faultsOf([
        { send: upgradeHead("/", host), until: "101 Switching Protocols" },
        { send: maskedFrame("hello"), until: "echo hello" },
      ]),
    ).toEqual([]);
  });

  test("disconnects of WebSocket clients without an app do not affect others", async () => {
    expect(await faultsOf([{ send: upgradeHead("/", "nothing.localhost"), until: "No app here" }])).toEqual(
      [],
    );
  });

  test.each([
    "",
    "HTTP/1.1 2",
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  ])("disconnects of apps that reset after %j do not affect others", async (sent) => {
    const apps = createServer((socket: Socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => {
        if (sent === "") socket.resetAndDestroy();
        else socket.write(sent, () => socket.resetAndDestroy());
      });
    });
    await once(apps.listen(0, "127.0.0.1"), "listening");
    const { port } = apps.address() as AddressInfo;
    const leaving = await router.newApp();
    await router.serve(leaving, [{ host: "127.0.0.1", port }]);
    const name = `${leaving.name}.localhost`;
    expect(await faultsOf([{ send: requestHead("GET /", [], name), until: "HTTP/1.1 " }])).toEqual([]);
    expect(await faultsOf([{ send: upgradeHead("/", name), until: "HTTP/1.1 " }])).toEqual([]);
    apps.close();
  });
});
