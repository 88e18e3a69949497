// Which requests HAProxy sends to apps, which it passes to the router, and what both receive.

import { Agent, createServer, request } from "node:http";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cutServer, lacksHaproxy } from "@slipway/testkit";
import type { App } from "@slipway/core";
import { echoing, exchangeRaw, sendRaw, startTestHaproxy } from "../../test-support/haproxy.ts";
import type { Echo, TestHaproxy } from "../../test-support/haproxy.ts";
import { startTarget } from "../../test-support/router.ts";
import type { TestTarget } from "../../test-support/router.ts";

describe.skipIf(await lacksHaproxy())("HAProxy's fast path", () => {
  let haproxy: TestHaproxy;
  let target: TestTarget;
  let app: App;
  beforeAll(async () => {
    haproxy = await startTestHaproxy();
    target = await echoing("app");
    app = await haproxy.serve(target);
  });
  afterAll(async () => {
    await haproxy[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });

  /** Sends lines in which APP is the app's host name. */
  const send = (lines: readonly string[], body?: string): Promise<Echo> =>
    sendRaw(
      haproxy.port,
      lines.map((line) => line.replaceAll("APP", `${app.name}.localhost`)),
      body,
    );

  test.each([
    ["GET", ["GET /x?y HTTP/1.1", "Host: APP"]],
    ["OPTIONS", ["OPTIONS / HTTP/1.1", "Host: APP"]],
    ["a host with a port", ["GET / HTTP/1.1", "Host: APP:8080"]],
    ["a host with an empty port", ["GET / HTTP/1.1", "Host: APP:"]],
    ["a target that begins with two slashes", ["GET //other.localhost/ HTTP/1.1", "Host: APP"]],
    ["Connection: keep-alive", ["GET / HTTP/1.1", "Host: APP", "Connection: keep-alive"]],
  ])("a plain request reaches the app: %s", async (_title, lines) => {
    expect((await send(lines)).from).toBe("app");
  });

  test("a host name in upper case reaches the app", async () => {
    const host = `${app.name}.localhost`.toUpperCase();
    expect((await sendRaw(haproxy.port, ["GET / HTTP/1.1", `Host: ${host}`])).from).toBe("app");
  });

  test.each([
    ["POST", ["POST / HTTP/1.1", "Host: APP", "Content-Length: 1"], "x"],
    ["DELETE without a body", ["DELETE / HTTP/1.1", "Host: APP"], ""],
    ["PROPFIND", ["PROPFIND / HTTP/1.1", "Host: APP"], ""],
    ["a body", ["GET / HTTP/1.1", "Host: APP", "Content-Length: 1"], "x"],
    ["an empty body", ["GET / HTTP/1.1", "Host: APP", "Content-Length: 0"], ""],
    ["a chunked body", ["GET / HTTP/1.1", "Host: APP", "Transfer-Encoding: chunked"], "1\r\nx\r\n0\r\n\r\n"],
    ["an upgrade", ["GET / HTTP/1.1", "Host: APP", "Connection: upgrade", "Upgrade: other"], ""],
    ["Upgrade without Connection", ["GET / HTTP/1.1", "Host: APP", "Upgrade: other"], ""],
    ["Expect", ["GET / HTTP/1.1", "Host: APP", "Expect: 100-continue"], ""],
    ["a header listed by Connection", ["GET / HTTP/1.1", "Host: APP", "Connection: x-own", "X-Own: 1"], ""],
    ["HTTP/1.0", ["GET / HTTP/1.0", "Host: APP"], ""],
    ["a host with a final dot", ["GET / HTTP/1.1", "Host: APP."], ""],
    ["a host with an invalid port", ["GET / HTTP/1.1", "Host: APP:80x"], ""],
    ["a subdomain of the app's host", ["GET / HTTP/1.1", "Host: www.APP"], ""],
    ["a host in another domain", ["GET / HTTP/1.1", "Host: APP.example.com"], ""],
    ["a host that is a key of another map", ["GET / HTTP/1.1", "Host: lease"], ""],
    ["an absolute URL", ["GET http://APP/ HTTP/1.1", "Host: APP"], ""],
    ["a target that is not a path", ["OPTIONS * HTTP/1.1", "Host: APP"], ""],
  ])("another request reaches the router: %s", async (_title, lines, body) => {
    expect((await send(lines, body)).from).toBe("router");
  });

  test("the router learns the client's address, and the app does not receive the router's header", async () => {
    const forged = ["Slipway-Client: 6.6.6.6", "Slipway-Client: 7.7.7.7"];
    const toApp = await send(["GET / HTTP/1.1", "Host: APP", ...forged]);
    expect(toApp.from).toBe("app");
    expect(toApp.headers).not.toHaveProperty("slipway-client");
    const toRouter = await send(["POST / HTTP/1.1", "Host: APP", "Content-Length: 0", ...forged]);
    expect(toRouter).toMatchObject({ from: "router", headers: { "slipway-client": "127.0.0.1" } });
  });

  test("a request that the app did not answer reaches the router without the client's header", async () => {
    await using broken = await startTarget((incoming) => incoming.socket.destroy());
    const refusing = await echoing("gone");
    await refusing[Symbol.asyncDispose]();
    for (const instance of [broken, refusing]) {
      const other = await haproxy.serve(instance);
      const forged = ["Slipway-Client: 6.6.6.6", "X-Forwarded-For: 6.6.6.6"];
      const echo = await sendRaw(haproxy.port, [
        "GET /x HTTP/1.1",
        `Host: ${other.name}.localhost`,
        ...forged,
      ]);
      expect(echo).toMatchObject({ from: "router", headers: { "x-forwarded-for": "127.0.0.1" } });
      expect(echo.headers).not.toHaveProperty("slipway-client");
    }
  });

  test("a request whose response has begun is not sent again", async () => {
    await using broken = await startTarget((incoming, response) => {
      response.write("half", () => incoming.socket.destroy());
    });
    const other = await haproxy.serve(broken);
    const answer = await exchangeRaw(haproxy.port, `GET / HTTP/1.1\r\nHost: ${other.name}.localhost\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*half\r\n$/);
    expect(answer).not.toContain("router");
  });

  test("hop-by-hop headers and headers that identify the client are not passed to the app", async () => {
    const names = ["TE", "Trailer", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization"];
    const spoofed = ["X-Forwarded", "X-Forwarded-For", "X_Forwarded-Proto", "X-Forwarded_Host", "Forwarded"];
    const lines = [...names, ...spoofed, "X-Real-IP", "X_Real_IP", "X-Forwardedness"].map(
      (name) => `${name}: 6`,
    );
    const { from, headers } = await send(["GET / HTTP/1.1", "Host: APP:81", ...lines]);
    expect(from).toBe("app");
    expect(headers).toEqual({
      host: `${app.name}.localhost:81`,
      "x-forwardedness": "6",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": `${app.name}.localhost:81`,
      "x-forwarded-port": "81",
    });
    const withoutPort = await send(["GET / HTTP/1.1", "Host: APP"]);
    expect(withoutPort.headers).toMatchObject({ "x-forwarded-port": "80" });
  });

  test.each([
    ["two Host headers", "GET / HTTP/1.1", ["Host: APP", "Host: other.localhost"]],
    [
      "two Content-Length headers",
      "POST / HTTP/1.1",
      ["Host: APP", "Content-Length: 0", "Content-Length: 1"],
    ],
    ["a negative Content-Length", "POST / HTTP/1.1", ["Host: APP", "Content-Length: -1"]],
    ["a space in a header's name", "GET / HTTP/1.1", ["Host: APP", "Content-Length : 0"]],
    ["an unknown coding", "POST / HTTP/1.1", ["Host: APP", "Transfer-Encoding: chunked, identity"]],
    ["a URL with another host", "GET http://other.localhost/ HTTP/1.1", ["Host: APP"]],
    [
      "a WebSocket without a key",
      "GET / HTTP/1.1",
      ["Host: APP", "Connection: upgrade", "Upgrade: websocket"],
    ],
  ])("HAProxy refuses a contradictory request: %s", async (_title, first, headers) => {
    const head = [first, ...headers].join("\r\n").replaceAll("APP", `${app.name}.localhost`);
    expect(await exchangeRaw(haproxy.port, `${head}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 (400|422|501) /);
  });

  test.each([
    ["equal Host headers", ["GET / HTTP/1.1", "Host: APP", "Host: APP"], "", ["host"]],
    [
      "equal lengths",
      ["POST / HTTP/1.1", "Host: APP", "Content-Length: 0", "Content-Length: 0"],
      "",
      ["content-length"],
    ],
    [
      "a list of equal lengths",
      ["POST / HTTP/1.1", "Host: APP", "Content-Length: 0, 0"],
      "",
      ["content-length"],
    ],
    [
      "a length and a coding",
      ["POST / HTTP/1.1", "Host: APP", "Content-Length: 3", "Transfer-Encoding: chunked"],
      "0\r\n\r\n",
      ["transfer-encoding"],
    ],
  ])("HAProxy removes a redundant header: %s", async (_title, lines, body, framing) => {
    const { rawHeaders } = await send(lines, body);
    const seen = rawHeaders
      .filter((_, index) => index % 2 === 0)
      .filter((name) => ["content-length", "transfer-encoding"].includes(name) || framing.includes(name));
    expect(seen).toEqual(framing);
  });

  test("two requests in one packet are separate", async () => {
    const head = (path: string, more = "") =>
      `GET ${path} HTTP/1.1\r\nHost: ${app.name}.localhost\r\n${more}\r\n`;
    const answer = await exchangeRaw(haproxy.port, head("/1") + head("/2", "Connection: close\r\n"));
    expect(answer.match(/"path":"\/\d"/g)).toEqual(['"path":"/1"', '"path":"/2"']);
  });

  test("heads over the limit are refused", async () => {
    const many = Array.from({ length: 250 }, (_, index) => `X-${index}: 1`);
    for (const lines of [["X-Large: ".padEnd(40 * 1024, "x")], many]) {
      const head = ["GET / HTTP/1.1", `Host: ${app.name}.localhost`, ...lines].join("\r\n");
      expect(await exchangeRaw(haproxy.port, `${head}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 (400|431) /);
    }
    const fits = await send(["GET / HTTP/1.1", "Host: APP", "X-Large: ".padEnd(14 * 1024, "x")]);
    expect(fits.from).toBe("app");
  });

  test("requests of two apps over shared connections reach their own app", async () => {
    await using one = await echoing("one");
    await using other = await startOnOtherAddress(one);
    const [first, second] = [await haproxy.serve(one), await haproxy.serve(other)];
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    const servers = await Promise.all(
      Array.from({ length: 1_000 }, async (_, index) => {
        const { name } = index % 3 === 0 ? second : first;
        const outgoing = request({
          port: haproxy.port,
          host: "127.0.0.1",
          path: `/${index}`,
          headers: { host: `${name}.localhost` },
          agent,
        }).end();
        const [response] = (await once(outgoing, "response")) as [IncomingMessage];
        const { from, path } = JSON.parse(await text(response)) as Echo;
        return [from, path];
      }),
    );
    agent.destroy();
    expect(servers).toEqual(
      Array.from({ length: 1_000 }, (_, index) => [index % 3 === 0 ? "other" : "one", `/${index}`]),
    );
  });

  test("requests are distributed over the instances in turn", async () => {
    await using one = await echoing("one");
    await using other = await echoing("other");
    const { name } = await haproxy.serve(one, other);
    const servers = [];
    for (let count = 0; count < 4; count += 1)
      servers.push((await sendRaw(haproxy.port, ["GET / HTTP/1.1", `Host: ${name}.localhost`])).from);
    expect(servers.toSorted()).toEqual(["one", "one", "other", "other"]);
  });

  test("HTTP/2 with prior knowledge is refused", async () => {
    expect(await exchangeRaw(haproxy.port, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe.skipIf(await lacksHaproxy())("HAProxy's fast path for requests from a trusted proxy", () => {
  let haproxy: TestHaproxy;
  let target: TestTarget;
  let app: App;
  beforeAll(async () => {
    haproxy = await startTestHaproxy({ ROUTER_TRUST_PROXY: "127.0.0.0/8 fd00::/8" });
    target = await echoing("app");
    app = await haproxy.serve(target);
  });
  afterAll(async () => {
    await haproxy[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });

  const send = (headers: readonly string[]) =>
    sendRaw(haproxy.port, ["GET / HTTP/1.1", `Host: ${app.name}.localhost`, ...headers]);

  test("its headers are kept, except spellings with underscores", async () => {
    const kept = [
      "X-Forwarded-For: 198.51.100.1, 192.0.2.1",
      "X-Forwarded-Proto: https",
      "X-Real-IP: 198.51.100.1",
    ];
    const removed = [
      "X_Forwarded_For: 6",
      "X-Forwarded_Proto: 6",
      "X-Forwarded-A_B: 6",
      "X_Real_IP: 6",
      "X_Forwarded: 6",
    ];
    const { from, headers } = await send([
      ...kept,
      "X-Forwarded-Port: 443",
      "X-Forwarded-Prefix: /a",
      ...removed,
    ]);
    expect(from).toBe("app");
    expect(headers).toEqual({
      host: `${app.name}.localhost`,
      "x-forwarded-for": "198.51.100.1, 192.0.2.1, 127.0.0.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": `${app.name}.localhost`,
      "x-forwarded-port": "443",
      "x-forwarded-prefix": "/a",
      "x-real-ip": "198.51.100.1",
    });
  });

  test("a request without these headers gets them, and one with two lists of addresses reaches the router", async () => {
    expect(await send([])).toMatchObject({ from: "app", headers: { "x-forwarded-for": "127.0.0.1" } });
    expect((await send(["X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2"])).from).toBe("router");
  });
});

describe.skipIf(await lacksHaproxy())("HAProxy's routes", () => {
  let haproxy: TestHaproxy;
  let target: TestTarget;
  beforeAll(async () => {
    haproxy = await startTestHaproxy();
    target = await echoing("app");
  });
  afterAll(async () => {
    await haproxy[Symbol.asyncDispose]();
    await target[Symbol.asyncDispose]();
  });

  const from = async ({ name }: App) =>
    (await sendRaw(haproxy.port, ["GET / HTTP/1.1", `Host: ${name}.localhost`])).from;

  test("a change that the router reads takes effect at once", async () => {
    await using next = await echoing("next");
    const app = await haproxy.serve(target);
    expect(await from(app)).toBe("app");
    const rolloutId = "next-rollout";
    await haproxy.change(app, { currentRolloutId: rolloutId, targets: [next.address] });
    await haproxy.routes.refreshApp(app.id);
    await haproxy.fastRoutes.drainOthers(app.id, rolloutId, 0);
    expect(await from(app)).toBe("next");
  });

  test.each([
    ["other instances", { targets: [{ host: "127.0.0.1", port: 1 }] }],
    ["no instances", { targets: [] }],
    ["an instance without an IP address", { targets: [{ host: "localhost", port: 1 }] }],
    ["a deleted app", { deletedAt: new Date() }],
  ])("a change without a message takes effect soon: %s", async (_title, facts) => {
    const app = await haproxy.serve(target);
    expect(await from(app)).toBe("app");
    await haproxy.change(app, facts);
    await expect.poll(() => from(app), { timeout: 10_000 }).toBe("router");
  });

  test("after lost messages all requests reach the router", async () => {
    const app = await haproxy.serve(target);
    expect(await from(app)).toBe("app");
    haproxy.routes.expireAll();
    await haproxy.fastRoutes.drainOthers(app.id, "", 0);
    expect(await from(app)).toBe("router");
  });

  test("a route without requests is removed, and one with requests is kept", async () => {
    const [busy, idle] = [await haproxy.serve(target), await haproxy.serve(target)];
    await expect
      .poll(
        async () => [await from(busy), haproxy.fastRoutes.has(busy.name), haproxy.fastRoutes.has(idle.name)],
        {
          timeout: 30_000,
          interval: 500,
        },
      )
      .toEqual(["app", true, false]);
    expect(await from(idle)).toBe("router");
  }, 40_000);

  test("no request uses a route that the router no longer renews", async () => {
    await using frozen = await startTestHaproxy();
    const { name } = await frozen.serve(target);
    const origin = async () =>
      (await sendRaw(frozen.port, ["GET / HTTP/1.1", `Host: ${name}.localhost`])).from;
    expect(await origin()).toBe("app");
    await frozen.fastRoutes[Symbol.asyncDispose]();
    await expect.poll(origin, { timeout: 10_000 }).toBe("router");
  });
});

/** Starts an instance that has the port of the other one, on another address. */
async function startOnOtherAddress({ address: { port } }: TestTarget): Promise<TestTarget> {
  const server = createServer((incoming, response) =>
    response.end(JSON.stringify({ from: "other", path: incoming.url })),
  );
  await once(server.listen(port, "127.0.0.2"), "listening");
  return { address: { host: "127.0.0.2", port }, server, [Symbol.asyncDispose]: () => cutServer(server) };
}
