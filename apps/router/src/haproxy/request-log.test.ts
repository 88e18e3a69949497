// Requests that HAProxy sends to apps are measured and logged like those that the router sends.

import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { freePort, lacksHaproxy, lacksRedis, scrapeMetrics } from "@slipway/testkit";
import { startTarget, startTestRouter } from "../../test-support/router.ts";
import { messageSplitter, parseLine } from "./request-log.ts";

test("a stream is split into its messages, whatever parts it arrives in", () => {
  const stream = "5 one\nx10 two and me\n0 3 end";
  for (let size = 1; size <= stream.length; size += 1) {
    const split = messageSplitter();
    const parts = Array.from({ length: Math.ceil(stream.length / size) }, (_, index) =>
      stream.slice(index * size, (index + 1) * size),
    );
    expect(parts.flatMap(split)).toEqual(["one\nx", "two and me", "", "end"]);
  }
});

test("a line is parsed, with spaces in X-Forwarded-For", () => {
  expect(parseLine("app 200 12 -- GET ::ffff:127.0.0.1 a.localhost:80 /x 192.0.2.1, 192.0.2.2\n")).toEqual({
    server: "app",
    status: 200,
    milliseconds: 12,
    termination: "--",
    method: "GET",
    peer: "127.0.0.1",
    host: "a.localhost:80",
    path: "/x",
    forwardedFor: "192.0.2.1, 192.0.2.2",
  });
});

describe.skipIf((await lacksRedis()) || (await lacksHaproxy()))("requests that HAProxy sends to apps", () => {
  test("they are measured and logged by their outcome, without the query", async () => {
    const metricsPort = await freePort();
    await using router = await startTestRouter({
      ROUTER_HAPROXY: "haproxy",
      METRICS_PORT: String(metricsPort),
      ROUTER_ACCESS_LOG_LEVEL: "info",
      ROUTER_TIMEOUT_MS: "500",
      ROUTER_TRUST_PROXY: "127.0.0.1",
    });
    const received = Promise.withResolvers<void>();
    await using target = await startTarget((request, response) => {
      const path = request.url?.split("?")[0];
      if (path === "/half") response.write("half", () => request.socket.destroy());
      else if (path === "/invalid") request.socket.end("HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n");
      else if (path === "/left") received.resolve();
      else if (path !== "/silent") response.writeHead(path === "/missing" ? 404 : 200).end();
    });
    const app = await router.newApp();
    await router.serve(app, [target.address]);
    const before = router.logLines.length;
    await router.send(app, {
      path: "/ok?token=secret",
      headers: { "x-forwarded-for": "192.0.2.7, 192.0.2.8" },
    });
    await router.send(app, { path: "/missing" });
    await expect(router.send(app, { path: "/half" })).rejects.toThrow(/aborted|hang up|ECONNRESET/);
    expect(await router.send(app, { path: "/invalid" })).toMatchObject({ status: 502 });
    expect(await router.send(app, { path: "/silent" })).toMatchObject({
      status: 504,
      body: expect.stringContaining("timed out"),
    });
    const client = connect(router.port, "127.0.0.1");
    client.write(`GET /left HTTP/1.1\r\nHost: ${app.name}.localhost\r\n\r\n`);
    await received.promise;
    client.destroy();
    await once(client, "close");
    const lines = () =>
      router.logLines
        .slice(before)
        .map(
          (line) => JSON.parse(line) as { msg: string; req?: { path: string; from: string }; res?: unknown },
        )
        .filter(({ msg }) => msg.startsWith("request "));
    await expect.poll(lines, { timeout: 10_000 }).toHaveLength(6);
    const host = `${app.name}.localhost:${router.port}`;
    expect(lines().slice(0, 5)).toMatchObject([
      {
        msg: "request completed",
        req: { method: "GET", host, path: "/ok", from: "192.0.2.8" },
        res: { status: 200 },
      },
      { msg: "request completed", req: { path: "/missing", from: "127.0.0.1" }, res: { status: 404 } },
      { msg: "request aborted", req: { path: "/half" }, res: { status: 200 } },
      { msg: "request completed", req: { path: "/invalid" }, res: { status: 502 } },
      { msg: "request completed", req: { path: "/silent" }, res: { status: 504 } },
    ]);
    expect(lines()[5]).toMatchObject({ msg: "request aborted", req: { path: "/left" } });
    expect(router.logLines.join("")).not.toContain("secret");
    const { value } = await scrapeMetrics(`http://127.0.0.1:${metricsPort}/metrics`);
    const count = (statusClass: string, source: string) =>
      value("slipway_router_request_duration_seconds_count", { class: statusClass, source });
    // The first 2xx is the request that brought the route to HAProxy.
    expect([count("2xx", "app"), count("4xx", "app"), count("5xx", "router")]).toEqual([2, 1, 2]);
    expect([count("disconnected", "app"), count("disconnected", "router")]).toEqual([1, 1]);
  });
});
