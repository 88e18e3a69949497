// Requests find their app, and come through whole; what cannot be answered is said plainly.

import { once } from "node:events";
import { connect } from "node:net";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksRedis } from "@slipway/testkit";
import { readConfig } from "./config.ts";
import { setForwarded } from "./headers.ts";
import { answering, ask, startTarget, startTestRouter } from "./test-router.ts";
import type { TestRouter } from "./test-router.ts";

describe.skipIf(await lacksRedis())("the router", () => {
  let router: TestRouter;
  beforeAll(async () => {
    router = await startTestRouter({
      ROUTER_BODY_MAX_MB: "1",
      ROUTER_TIMEOUT_MS: "300",
    });
  });
  afterAll(() => router[Symbol.asyncDispose]());

  const serving = async (...targets: { address: { host: string; port: number } }[]) => {
    const app = await router.newApp();
    await router.point(
      app,
      targets.map(({ address }) => address),
    );
    return app;
  };

  test("each host name leads to its app, and to its instances in turn", async () => {
    await using one = await answering("one");
    await using two = await answering("two");
    await using other = await answering("other");
    const [app, otherApp] = [await serving(one, two), await serving(other)];
    const bodies = [];
    for (let count = 0; count < 4; count += 1) bodies.push((await router.ask(app)).body);
    expect(bodies.toSorted()).toEqual(["one", "one", "two", "two"]);
    expect((await router.ask({ name: otherApp.name.toUpperCase() })).body).toBe("other");
    expect(await ask(router.port, `${app.name}.localhost.`)).toMatchObject({ status: 200 });
  });

  test("method, path, headers and body arrive as they were sent, and so does the answer", async () => {
    const respond = async (request: IncomingMessage, response: ServerResponse) => {
      const body = await text(request);
      response.setHeader("set-cookie", ["a=1", "b=2"]);
      response.setHeader("x-seen", `${request.method} ${request.url} ${String(request.headers["x-own"])}`);
      response.writeHead(201).end(body.toUpperCase());
    };
    await using target = await startTarget((request, response) => void respond(request, response));
    const app = await serving(target);
    const answer = await router.ask(app, {
      method: "POST",
      path: "/a/b?c=d%20e",
      headers: { "x-own": "kept" },
      body: "hello",
    });
    expect(answer).toMatchObject({ status: 201, body: "HELLO" });
    expect(answer.headers).toMatchObject({
      "x-seen": "POST /a/b?c=d%20e kept",
      "set-cookie": ["a=1", "b=2"],
    });
  });

  test("the app learns who asks, is not told what clients claim, and gets no header of a connection", async () => {
    let seen: IncomingHttpHeaders = {};
    await using target = await startTarget((request, response) => {
      seen = request.headers;
      response
        .setHeader("connection", "x-hop, keep-alive")
        .setHeader("x-hop", "1")
        .setHeader("x-end", "2")
        .end();
    });
    const app = await serving(target);
    const answer = await router.ask(app, {
      headers: {
        "x-forwarded-for": "6.6.6.6",
        "x-forwarded-proto": "https",
        forwarded: "for=6.6.6.6",
        "x-real-ip": "6.6.6.6",
        connection: "x-mine",
        "x-mine": "1",
        te: "trailers",
        "proxy-authorization": "Basic eA==",
      },
    });
    const host = `${app.name}.localhost:${router.port}`;
    expect(seen).toMatchObject({
      host,
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
      "x-forwarded-host": host,
      "x-forwarded-port": String(router.port),
    });
    expect(Object.keys(seen)).not.toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^(x-mine|te|proxy-authorization|forwarded|x-real-ip)$/),
      ]),
    );
    expect(answer.headers).toMatchObject({ "x-end": "2" });
    expect(answer.headers).not.toHaveProperty("x-hop");
  });

  test("a first line may name the whole URL", async () => {
    await using target = await startTarget((request, response) => response.end(request.url));
    const app = await serving(target);
    const answer = await ask(router.port, "elsewhere", { path: `http://${app.name}.localhost/x?y` });
    expect(answer).toMatchObject({ status: 200, body: "/x?y" });
    expect((await ask(router.port, `${app.name}.localhost`, { path: "*" })).status).toBe(400);
  });

  test("an app has all paths of its host; the router's own health is beside them", async () => {
    await using target = await answering("the app's own");
    const app = await serving(target);
    expect((await router.ask(app, { path: "/health" })).body).toBe("the app's own");
    const health = await ask(router.port, "127.0.0.1", { path: "/health" });
    expect(health).toMatchObject({ status: 200 });
    expect(JSON.parse(health.body)).toEqual({ status: "ok", parts: { store: "ok", redis: "ok" } });
  });

  test.each([
    ["an app that is not there", "nobody-has-this.localhost", 404, "No app here"],
    ["a host that is no app's", "www.example.com", 404, "No app here"],
    ["a name that no app can have", "a--b.localhost", 404, "No app here"],
  ])("%s is told by a page", async (_title, host, status, title) => {
    const answer = await ask(router.port, host);
    expect(answer).toMatchObject({ status, headers: { "content-type": "text/html; charset=utf-8" } });
    expect(answer.body).toContain(`<h1>${title}</h1>`);
    expect(await ask(router.port, host, { method: "HEAD" })).toMatchObject({ status, body: "" });
  });

  test("an app without a release, and one scaled to 0, are told by a page", async () => {
    const app = await router.newApp();
    expect(await router.ask(app)).toMatchObject({
      status: 503,
      body: expect.stringContaining("Nothing deployed yet"),
    });
    const stopped = await serving();
    expect(await router.ask(stopped)).toMatchObject({
      status: 503,
      body: expect.stringContaining("is stopped"),
    });
  });

  test("an instance that refuses is passed over, with bodies too; all refusing is 502", async () => {
    await using alive = await startTarget((request, response) => void request.pipe(response));
    const dead = await answering("never");
    await dead[Symbol.asyncDispose]();
    const app = await serving(dead, alive);
    for (let count = 0; count < 4; count += 1) {
      const { status, body } = await router.ask(app, { method: "POST", body: "x".repeat(200_000) });
      expect([status, body.length]).toEqual([200, 200_000]);
    }
    const gone = await serving(dead);
    expect(await router.ask(gone, { method: "POST", body: "x" })).toMatchObject({
      status: 502,
      body: expect.stringContaining("does not answer"),
    });
  });

  test("a refused request goes where the app has moved, without a word to the router", async () => {
    const former = await answering("former");
    await using next = await answering("next");
    const app = await serving(former);
    expect((await router.ask(app)).body).toBe("former");
    await former[Symbol.asyncDispose]();
    await router.point(app, [next.address]);
    expect((await router.ask(app)).body).toBe("next");
  });

  test("an app that breaks off is 502, one that says nothing 504", async () => {
    await using breaking = await startTarget((request) => request.socket.destroy());
    await using silent = await startTarget(() => undefined);
    expect(await router.ask(await serving(breaking), { method: "POST" })).toMatchObject({ status: 502 });
    expect(await router.ask(await serving(silent))).toMatchObject({ status: 504 });
  });

  test("a kept connection that the app has closed costs no request", async () => {
    const asked = new WeakMap<object, number>();
    await using target = await startTarget((request, response) => {
      const count = (asked.get(request.socket) ?? 0) + 1;
      asked.set(request.socket, count);
      if (count > 1) request.socket.destroy();
      else response.end(request.method);
    });
    const app = await serving(target);
    for (const method of ["GET", "GET", "POST", "GET"]) {
      expect(await router.ask(app, { method })).toMatchObject({ status: 200, body: method });
    }
  });

  test("proxies that are trusted are believed who asked them", () => {
    const request = (remoteAddress: string, headers: IncomingHttpHeaders) =>
      ({ headers, socket: { remoteAddress } }) as IncomingMessage;
    const { ROUTER_TRUST_PROXY: trusted } = readConfig({
      INSTALLATION_ID: "a",
      REDIS_URL: "redis://r",
      ROUTER_TRUST_PROXY: "loopback 203.0.113.7",
    });
    const told = { host: "a.example.com", "x-forwarded-for": "198.51.100.1", "x-forwarded-proto": "https" };
    const behind = request("::ffff:127.0.0.1", { ...told });
    setForwarded(behind, trusted);
    expect(behind.headers).toMatchObject({
      "x-forwarded-for": "198.51.100.1, 127.0.0.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "a.example.com",
    });
    const stranger = request("203.0.113.8", { ...told });
    setForwarded(stranger, trusted);
    expect(stranger.headers).toMatchObject({ "x-forwarded-for": "203.0.113.8", "x-forwarded-proto": "http" });
    const wrong = { INSTALLATION_ID: "a", REDIS_URL: "redis://r", ROUTER_TRUST_PROXY: "10.0.0.0/33" };
    expect(() => readConfig(wrong)).toThrow(/ROUTER_TRUST_PROXY: must be addresses/);
  });

  test("what is too large is 413, whether it says so before or not", async () => {
    let seenBytes = 0;
    await using target = await startTarget((request) => {
      request.on("data", (bytes: Buffer) => (seenBytes += bytes.length));
    });
    const app = await serving(target);
    const headers = { "content-length": String(2 * 1024 * 1024) };
    expect(await router.ask(app, { method: "PUT", headers })).toMatchObject({ status: 413 });
    expect(seenBytes).toBe(0);
    const body = (async function* () {
      for (let count = 0; count < 20; count += 1) yield Buffer.alloc(64 * 1024);
    })();
    expect(await router.ask(app, { method: "PUT", body })).toMatchObject({ status: 413 });
  });

  test("an answer that must not be sent on is 502", async () => {
    await using target = await startTarget((request) => {
      request.socket.end("HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n");
    });
    expect(await router.ask(await serving(target))).toMatchObject({ status: 502 });
  });

  test("an app that switches protocols unasked is 502", async () => {
    await using target = await startTarget((request) => {
      request.socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n",
      );
    });
    expect(await router.ask(await serving(target))).toMatchObject({ status: 502 });
  });

  test("a client that goes away takes its request with it", async () => {
    const gone = Promise.withResolvers<string>();
    const asked = Promise.withResolvers<void>();
    await using target = await startTarget((request) => {
      request.socket.once("close", () => gone.resolve("gone"));
      asked.resolve();
    });
    const app = await serving(target);
    const client = connect(router.port, "127.0.0.1");
    client.write(`GET / HTTP/1.1\r\nhost: ${app.name}.localhost\r\n\r\n`);
    await asked.promise;
    client.destroy();
    expect(await gone.promise).toBe("gone");
  });

  test("an answer that breaks off half-way breaks off at the client too", async () => {
    await using target = await startTarget((request, response) => {
      response.write("half", () => request.socket.destroy());
    });
    await expect(router.ask(await serving(target))).rejects.toThrow(/aborted|hang up|ECONNRESET/);
  });

  test("upgrades to what is no WebSocket are requests like others", async () => {
    await using target = await answering("plain");
    const app = await serving(target);
    const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "" };
    expect(await router.ask(app, { headers })).toMatchObject({ status: 200, body: "plain" });
  });

  test("a deleted app is gone", async () => {
    await using target = await answering("here");
    const app = await serving(target);
    expect((await router.ask(app)).status).toBe(200);
    const stored = await router.store.apps.get(app.id);
    if (stored === null) throw new Error("no app");
    await router.store.apps.compareAndSet({
      ...stored,
      deletedAt: new Date(),
      revision: stored.revision + 1,
    });
    await expect.poll(async () => (await router.ask(app)).status).toBe(404);
  });

  test("two connections of one client do not close each other's", async () => {
    await using target = await answering("kept");
    const app = await serving(target);
    const client = connect(router.port, "127.0.0.1");
    const line = `GET / HTTP/1.1\r\nhost: ${app.name}.localhost\r\n\r\n`;
    client.write(line);
    const [first] = (await once(client, "data")) as [Buffer];
    expect(first.toString()).toMatch(/^HTTP\/1\.1 200[^]*connection: keep-alive/i);
    client.write(line);
    const [second] = (await once(client, "data")) as [Buffer];
    expect(second.toString()).toMatch(/^HTTP\/1\.1 200/);
    client.destroy();
  });
});
