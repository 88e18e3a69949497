import { once } from "node:events";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { freePort, lacksRedis, scrapeMetrics } from "@slipway/testkit";
import { startTarget, startTestRouter, routerKinds } from "../test-support/router.ts";
import type { TestRouter } from "../test-support/router.ts";

describe.skipIf(await lacksRedis()).each(routerKinds)("the router's metrics, $name", ({ settings }) => {
  let router: TestRouter;
  let url: string;
  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}/metrics`;
    router = await startTestRouter({ ...settings, METRICS_PORT: String(port) });
  });
  afterAll(() => router[Symbol.asyncDispose]());

  const requests = async (statusClass: string, source: string) =>
    (await scrapeMetrics(url)).value("slipway_router_request_duration_seconds_count", {
      class: statusClass,
      source,
    });

  test("requests are measured by the class of the status, apart for apps and for the router's own pages", async () => {
    await using target = await startTarget((incoming, response) => {
      response.writeHead(incoming.url === "/broken" ? 500 : 200).end();
    });
    const app = await router.newApp();
    await router.cutOver(app, [target.address]);
    await router.send(app);
    await router.send(app);
    await router.send(app, { path: "/broken" });
    await router.send({ name: "no-such-app" });
    expect(await requests("2xx", "app")).toBe(2);
    expect(await requests("5xx", "app")).toBe(1);
    expect(await requests("4xx", "router")).toBe(1);
  });

  test("a request whose client disconnects is measured as disconnected", async () => {
    const received = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    await using target = await startTarget((incoming) => {
      incoming.once("close", () => closed.resolve());
      received.resolve();
    });
    const app = await router.newApp();
    await router.cutOver(app, [target.address]);
    const client = request({ port: router.port, headers: { host: `${app.name}.localhost` } });
    client.on("error", () => undefined).end();
    await received.promise;
    client.destroy();
    await closed.promise;
    await expect.poll(() => requests("disconnected", "router")).toBe(1);
  });

  test("open WebSockets are counted until they close", async () => {
    const sockets = new WebSocketServer({ noServer: true });
    await using target = await startTarget(() => undefined);
    target.server.on("upgrade", (incoming, socket, head) =>
      sockets.handleUpgrade(incoming, socket, head, (accepted) => accepted.send("hello")),
    );
    const app = await router.newApp();
    await router.cutOver(app, [target.address]);
    const client = new WebSocket(`ws://127.0.0.1:${router.port}`, {
      headers: { host: `${app.name}.localhost` },
    });
    await once(client, "message");
    const open = async () => (await scrapeMetrics(url)).value("slipway_router_websockets");
    expect(await open()).toBe(1);
    client.close();
    await expect.poll(open).toBe(0);
  });
});
