// The router forwards requests unchanged to their app, and answers with error pages otherwise.

import { once } from "node:events";
import { connect } from "node:net";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksRedis } from "@slipway/testkit";
import { answering, send, startTarget, startTestRouter, routerKinds } from "../test-support/router.ts";
import type { TestRouter } from "../test-support/router.ts";

const spoofedHeaders = [
  "X-Forwarded",
  "X-Forwarded-For",
  "X-Forwarded-Prefix",
  "X-Forwarded-Server",
  "X-Forwarded-Ssl",
  "X_Forwarded_For",
  "X-Forwarded_Proto",
  "X_Forwarded-Host",
  "Forwarded",
  "X-Real-IP",
  "X_Real_IP",
];

describe.skipIf(await lacksRedis()).each(routerKinds)("the router, $name", ({ settings, hasHaproxy }) => {
  let router: TestRouter;
  beforeAll(async () => {
    router = await startTestRouter({ ...settings, ROUTER_BODY_MAX_MB: "1", ROUTER_TIMEOUT_MS: "300" });
  });
  afterAll(() => router[Symbol.asyncDispose]());

  const serving = async (...targets: { address: { host: string; port: number } }[]) => {
    const app = await router.newApp();
    await router.serve(
      app,
      targets.map(({ address }) => address),
    );
    return app;
  };

  test("each host name is routed to its app, round-robin over the app's instances", async () => {
    await using one = await answering("one");
    await using two = await answering("two");
    await using other = await answering("other");
    const [app, otherApp] = [await serving(one, two), await serving(other)];
    const bodies = [];
    for (let count = 0; count < 4; count += 1) bodies.push((await router.send(app)).body);
    expect(bodies.toSorted()).toEqual(["one", "one", "two", "two"]);
    expect((await router.send({ name: otherApp.name.toUpperCase() })).body).toBe("other");
    expect(await send(router.port, `${app.name}.localhost.`)).toMatchObject({ status: 200 });
  });

  test("the router forwards method, path, headers, body and response unchanged", async () => {
    const respond = async (request: IncomingMessage, response: ServerResponse) => {
      const body = await text(request);
      response.setHeader("set-cookie", ["a=1", "b=2"]);
      response.setHeader("x-seen", `${request.method} ${request.url} ${String(request.headers["x-own"])}`);
      response.writeHead(201).end(body.toUpperCase());
    };
    await using target = await startTarget((request, response) => void respond(request, response));
    const app = await serving(target);
    const answer = await router.send(app, {
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

  test("X-Forwarded headers of clients are replaced, and hop-by-hop headers are removed", async () => {
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
    const answer = await router.send(app, {
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

  test("a request target may be an absolute URL", async () => {
    await using target = await startTarget((request, response) => response.end(request.url));
    const app = await serving(target);
    const host = `${app.name}.localhost`;
    const answer = await send(router.port, host, { path: `http://${host}:${router.port}/x?y` });
    expect(answer).toMatchObject({ status: 200, body: "/x?y" });
    expect((await send(router.port, `${app.name}.localhost`, { path: "*" })).status).toBe(400);
  });

  test("headers that identify the client are removed in every spelling, also from upgrade requests", async () => {
    let seen: string[] = [];
    await using target = await startTarget((request, response) => {
      seen = Object.keys(request.headers);
      response.end();
    });
    target.server.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
      seen = Object.keys(request.headers);
      socket.end("HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    });
    const app = await serving(target);
    const spoofed = Object.fromEntries(spoofedHeaders.map((name) => [name, "6.6.6.6"]));
    await router.send(app, { headers: spoofed });
    const kept = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto"];
    const identifying = () => seen.filter((name) => /forwarded|real/.test(name)).toSorted();
    expect(identifying()).toEqual(kept);
    seen = [];
    const handshake = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-key": "x".repeat(24) };
    await router.send(app, { headers: { ...spoofed, ...handshake } });
    expect(identifying()).toEqual(kept);
  });

  test.skipIf(hasHaproxy)("the host of an absolute URL takes precedence over the Host header", async () => {
    await using target = await startTarget((request, response) => response.end(request.url));
    const app = await serving(target);
    const answer = await send(router.port, "elsewhere", { path: `http://${app.name}.localhost/x?y` });
    expect(answer).toMatchObject({ status: 200, body: "/x?y" });
  });

  // HAProxy removes the contradiction from some of these requests: haproxy/fast-path.test.ts.
  test.skipIf(hasHaproxy).each([
    ["two Host headers", "", "host: other.localhost\r\n"],
    ["two equal Host headers", "", "same"],
    ["two Host headers in an upgrade request", "connection: Upgrade\r\nupgrade: websocket\r\n", "same"],
    ["two Content-Length headers", "content-length: 0\r\n", "content-length: 1\r\n"],
    ["two equal Content-Length headers", "content-length: 0\r\n", "content-length: 0\r\n"],
    ["a list as Content-Length", "content-length: 0, 0\r\n", ""],
    ["Content-Length and Transfer-Encoding", "content-length: 3\r\n", "transfer-encoding: chunked\r\n"],
  ])("a request with %s is refused with 400, and does not reach the app", async (_title, first, second) => {
    let requests = 0;
    await using target = await startTarget((_request, response) => {
      requests += 1;
      response.end();
    });
    const app = await serving(target);
    const host = `host: ${app.name}.localhost\r\n`;
    const client = connect(router.port, "127.0.0.1");
    client.write(`GET / HTTP/1.1\r\n${host}${first}${second === "same" ? host : second}\r\n`);
    const [answer] = (await once(client, "data")) as [Buffer];
    client.destroy();
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 Bad Request/);
    expect(requests).toBe(0);
  });

  test("an app receives all paths of its host, and the router answers /health on other hosts", async () => {
    await using target = await answering("the app's own");
    const app = await serving(target);
    expect((await router.send(app, { path: "/health" })).body).toBe("the app's own");
    const health = await send(router.port, "127.0.0.1", { path: "/health" });
    expect(health).toMatchObject({ status: 200 });
    expect(JSON.parse(health.body)).toEqual({ status: "ok", parts: { store: "ok", redis: "ok" } });
  });

  test.each([
    ["an app that does not exist", "unknown-app.localhost", 404, "No app here"],
    ["a host of another domain", "www.example.com", 404, "No app here"],
    ["an invalid app name", "a--b.localhost", 404, "No app here"],
  ])("a request for %s is answered with an error page", async (_title, host, status, title) => {
    const answer = await send(router.port, host);
    expect(answer).toMatchObject({ status, headers: { "content-type": "text/html; charset=utf-8" } });
    expect(answer.body).toContain(`<h1>${title}</h1>`);
    expect(await send(router.port, host, { method: "HEAD" })).toMatchObject({ status, body: "" });
  });

  test("requests for an app without a release, or scaled to 0, are answered with an error page", async () => {
    const app = await router.newApp();
    expect(await router.send(app)).toMatchObject({
      status: 503,
      body: expect.stringContaining("Nothing deployed yet"),
    });
    const stopped = await serving();
    expect(await router.send(stopped)).toMatchObject({
      status: 503,
      body: expect.stringContaining("is stopped"),
    });
  });

  test("an instance that refuses connections is skipped, also for requests with a body; without another it is 502", async () => {
    await using alive = await startTarget((request, response) => void request.pipe(response));
    const dead = await answering("never");
    await dead[Symbol.asyncDispose]();
    const app = await serving(dead, alive);
    for (let count = 0; count < 4; count += 1) {
      const { status, body } = await router.send(app, { method: "POST", body: "x".repeat(200_000) });
      expect([status, body.length]).toEqual([200, 200_000]);
    }
    const gone = await serving(dead);
    expect(await router.send(gone, { method: "POST", body: "x" })).toMatchObject({
      status: 502,
      body: expect.stringContaining("does not answer"),
    });
  });

  test("a refused request is sent to the app's new rollout without a route message", async () => {
    const former = await answering("former");
    await using next = await answering("next");
    const app = await serving(former);
    expect((await router.send(app)).body).toBe("former");
    await former[Symbol.asyncDispose]();
    await router.point(app, [next.address]);
    expect((await router.send(app)).body).toBe("next");
  });

  test("an app that closes the connection is 502, an app that does not respond is 504", async () => {
    await using breaking = await startTarget((request) => request.socket.destroy());
    await using silent = await startTarget(() => undefined);
    expect(await router.send(await serving(breaking), { method: "POST" })).toMatchObject({ status: 502 });
    expect(await router.send(await serving(silent))).toMatchObject({ status: 504 });
  });

  test("no request fails on a keep-alive connection that the app has closed", async () => {
    const requests = new WeakMap<object, number>();
    await using target = await startTarget((request, response) => {
      const count = (requests.get(request.socket) ?? 0) + 1;
      requests.set(request.socket, count);
      if (count > 1) request.socket.destroy();
      else response.end(request.method);
    });
    const app = await serving(target);
    for (const method of ["GET", "GET", "POST", "GET"]) {
      expect(await router.send(app, { method })).toMatchObject({ status: 200, body: method });
    }
  });

  test("a body over the size limit is 413, with and without Content-Length", async () => {
    let seenBytes = 0;
    await using target = await startTarget((request) => {
      request.on("data", (bytes: Buffer) => (seenBytes += bytes.length));
    });
    const app = await serving(target);
    const headers = { "content-length": String(2 * 1024 * 1024) };
    expect(await router.send(app, { method: "PUT", headers })).toMatchObject({ status: 413 });
    expect(seenBytes).toBe(0);
    const body = (async function* () {
      for (let count = 0; count < 20; count += 1) yield Buffer.alloc(64 * 1024);
    })();
    expect(await router.send(app, { method: "PUT", body })).toMatchObject({ status: 413 });
  });

  test("an invalid response is 502", async () => {
    await using target = await startTarget((request) => {
      request.socket.end("HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n");
    });
    expect(await router.send(await serving(target))).toMatchObject({ status: 502 });
  });

  test("an unrequested protocol upgrade by the app is 502", async () => {
    await using target = await startTarget((request) => {
      request.socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n",
      );
    });
    expect(await router.send(await serving(target))).toMatchObject({ status: 502 });
  });

  test("the request to the app is aborted when the client disconnects", async () => {
    const closed = Promise.withResolvers<string>();
    const received = Promise.withResolvers<void>();
    await using target = await startTarget((request) => {
      request.socket.once("close", () => closed.resolve("closed"));
      received.resolve();
    });
    const app = await serving(target);
    const client = connect(router.port, "127.0.0.1");
    client.write(`GET / HTTP/1.1\r\nhost: ${app.name}.localhost\r\n\r\n`);
    await received.promise;
    client.destroy();
    expect(await closed.promise).toBe("closed");
  });

  test("the client's connection is closed when the app's response is incomplete", async () => {
    await using target = await startTarget((request, response) => {
      response.write("half", () => request.socket.destroy());
    });
    await expect(router.send(await serving(target))).rejects.toThrow(/aborted|hang up|ECONNRESET/);
  });

  test("upgrade requests to other protocols are forwarded as plain requests", async () => {
    await using target = await answering("plain");
    const app = await serving(target);
    const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "" };
    expect(await router.send(app, { headers })).toMatchObject({ status: 200, body: "plain" });
  });

  test("a deleted app is 404", async () => {
    await using target = await answering("here");
    const app = await serving(target);
    expect((await router.send(app)).status).toBe(200);
    const stored = await router.store.apps.get(app.id);
    if (stored === null) throw new Error("no app");
    await router.store.apps.compareAndSet({
      ...stored,
      deletedAt: new Date(),
      revision: stored.revision + 1,
    });
    await expect.poll(async () => (await router.send(app)).status).toBe(404);
  });

  test("two requests on one client connection are both answered", async () => {
    await using target = await answering("kept");
    const app = await serving(target);
    const client = connect(router.port, "127.0.0.1");
    const line = `GET / HTTP/1.1\r\nhost: ${app.name}.localhost\r\n\r\n`;
    client.write(line);
    const [first] = (await once(client, "data")) as [Buffer];
    expect(first.toString()).toMatch(/^HTTP\/1\.1 200/);
    client.write(line);
    const [second] = (await once(client, "data")) as [Buffer];
    expect(second.toString()).toMatch(/^HTTP\/1\.1 200/);
    client.destroy();
  });
});
