import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { lacksRedis } from "@slipway/testkit";
import { startTarget, startTestRouter, routerKinds } from "../test-support/router.ts";
import type { TestRouter } from "../test-support/router.ts";

/** Sends a request as it is written, and waits for the end of the response. */
async function exchange(port: number, head: string): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.end(`${head}Connection: close\r\n\r\n`);
  socket.resume();
  await once(socket, "close");
}

const proxies = { ROUTER_TRUST_PROXY: "127.0.0.1,10.1.0.0/16" };
const requestsOf = ({ logLines }: TestRouter) =>
  logLines
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
    .filter(({ msg }) => String(msg).startsWith("request "));

describe.skipIf(await lacksRedis()).each(routerKinds)(
  "the router's access log, $name",
  ({ settings, hasHaproxy }) => {
    test("the router's access log has a line per request with the API's fields, without the query, and none for health checks", async () => {
      await using router = await startTestRouter({
        ...settings,
        ...proxies,
        ROUTER_ACCESS_LOG_LEVEL: "info",
      });
      await using target = await startTarget((_incoming, response) => {
        response.writeHead(404).end();
      });
      const app = await router.newApp();
      await router.cutOver(app, [target.address]);
      const headers = { "x-forwarded-for": "192.0.2.1, 192.0.2.7, 10.1.0.3" };
      await router.send(app, { method: "POST", path: "/page?token=secret", headers, body: "x" });
      await router.send({ name: "no-such-app" });
      const health = await fetch(`http://127.0.0.1:${router.port}/health`);
      expect(health.status).toBe(200);
      const host = `${app.name}.localhost:${router.port}`;
      await expect.poll(() => requestsOf(router)).toHaveLength(2);
      expect(requestsOf(router)).toMatchObject([
        {
          level: 30,
          msg: "request completed",
          req: { method: "POST", host, path: "/page", from: "192.0.2.7" },
          res: { status: 404 },
          responseTime: expect.any(Number),
        },
        { req: { method: "GET", path: "/", from: "127.0.0.1" }, res: { status: 404 } },
      ]);
      expect(router.logLines.join("")).not.toContain("secret");
    });

    // HAProxy refuses a URL with another host than the Host header.
    test.skipIf(hasHaproxy)(
      "the line of a request with a URL as its target has the app's host, and not the URL's password",
      async () => {
        await using router = await startTestRouter({ ...settings, ROUTER_ACCESS_LOG_LEVEL: "info" });
        await using target = await startTarget((_incoming, response) => {
          response.end();
        });
        const app = await router.newApp();
        await router.cutOver(app, [target.address]);
        const host = `${app.name}.localhost:${router.port}`;
        for (const user of ["", "user:password@"])
          await exchange(router.port, `GET http://${user}${host}/page HTTP/1.1\r\nHost: other.localhost\r\n`);
        await expect.poll(() => requestsOf(router)).toHaveLength(2);
        expect(requestsOf(router)[0]).toMatchObject({ req: { host, path: "/page" }, res: { status: 200 } });
        expect(router.logLines.join("")).not.toContain("password");
      },
    );

    test("the router's access log is off by default", async () => {
      await using router = await startTestRouter(settings);
      await router.send({ name: "no-such-app" });
      expect(requestsOf(router)).toEqual([]);
    });
  },
);
