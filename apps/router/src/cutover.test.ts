// A cutover loses no request: new requests go to the new rollout, and the cutover is confirmed when the former rollout has no requests in
// flight.

import { Agent } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { lacksRedis } from "@slipway/testkit";
import { answering, startTarget, startTestRouter, turn, routerKinds } from "../test-support/router.ts";
import type { TestRouter, TestTarget } from "../test-support/router.ts";

describe.skipIf(await lacksRedis()).each(routerKinds)("cutovers, $name", ({ settings, hasHaproxy }) => {
  let router: TestRouter;
  beforeAll(async () => {
    router = await startTestRouter(settings);
  });
  afterAll(() => router[Symbol.asyncDispose]());

  test("a cutover fails no request under load, though the former instance stops right afterwards", async () => {
    const app = await router.newApp();
    let serving: TestTarget = await answering("0");
    await router.cutOver(app, [serving.address]);
    const load = startLoad(8, (agent, count) =>
      router.send(app, { agent, ...(count % 3 === 0 ? { method: "POST", body: "x".repeat(5_000) } : {}) }),
    );
    for (let number = 1; number <= 20; number += 1) {
      await load.more(20);
      const next = await answering(String(number));
      await router.cutOver(app, [next.address]);
      await serving[Symbol.asyncDispose]();
      serving = next;
    }
    await load.more(20);
    const { requests, failures, bodies } = await load.stop();
    await serving[Symbol.asyncDispose]();
    expect(failures).toEqual([]);
    expect(bodies.size).toBe(21);
    console.info(`${requests} requests during 20 cutovers, ${failures.length} failed`);
  });

  // HAProxy passes the request to the router, which sends it to the new rollout.
  const cutOff = hasHaproxy
    ? { status: 200, body: "last" }
    : { status: 503, body: expect.stringContaining("replaced") };

  test("a cutover waits for a slow request, and ends one that exceeds the drain time", async () => {
    const [slowReceived, endlessReceived] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const finish = Promise.withResolvers<void>();
    await using former = await startTarget((request, response) => {
      if (request.url === "/slow") {
        slowReceived.resolve();
        void finish.promise.then(() => response.end("done"));
      } else if (request.url === "/endless") endlessReceived.resolve();
      else response.end("former");
    });
    await using next = await answering("next");
    await using last = await answering("last");
    const app = await router.newApp();
    await router.cutOver(app, [former.address]);
    const slow = router.send(app, { path: "/slow" });
    await slowReceived.promise;
    let confirmed = false;
    const cutover = router.cutOver(app, [next.address]).then(() => (confirmed = true));
    await expect.poll(async () => (await router.send(app)).body).toBe("next");
    expect(confirmed).toBe(false);
    finish.resolve();
    expect(await slow).toMatchObject({ status: 200, body: "done" });
    await cutover;

    await router.cutOver(app, [former.address]);
    const endless = router.send(app, { path: "/endless" });
    await endlessReceived.promise;
    await router.cutOver(app, [last.address], 100);
    expect(await endless).toMatchObject(cutOff);
  });

  test("a cutover closes WebSockets of the former rollout after the drain time, and sends new ones to the next", async () => {
    await using former = await echo("former");
    await using next = await echo("next");
    const app = await router.newApp();
    await router.cutOver(app, [former.address]);
    const socket = await open(router, app.name);
    expect(await reply(socket, "hello")).toBe("former: hello");
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await router.cutOver(app, [next.address], 50);
    await closed;
    const again = await open(router, app.name);
    const long = "x".repeat(300_000);
    expect(await reply(again, long)).toBe(`next: ${long}`);
    again.terminate();
  });

  test("a failed WebSocket handshake is answered with a status", async () => {
    const app = await router.newApp();
    await router.cutOver(app, []);
    await expect(open(router, app.name)).rejects.toThrow("503");
    await using refusing = await startTarget((_request, response) => response.writeHead(403).end("no"));
    refusing.server.on("upgrade", (_request, socket) =>
      socket.end("HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n"),
    );
    await router.cutOver(app, [refusing.address]);
    await expect(open(router, app.name)).rejects.toThrow("403");
    await using breaking = await startTarget(() => undefined);
    breaking.server.on("upgrade", (_request, socket) => socket.destroy());
    await router.cutOver(app, [breaking.address]);
    await expect(open(router, app.name)).rejects.toThrow("502");
  });

  test("the router routes from the cache and the store without Redis", async () => {
    await using first = await answering("first");
    await using second = await answering("second");
    const app = await router.newApp();
    await router.cutOver(app, [first.address]);
    await router.redis.kill();
    expect((await router.send(app)).body).toBe("first");
    await router.point(app, [second.address]);
    await expect.poll(async () => (await router.send(app)).body).toBe("second");
    await router.redis.start();
    await router.cutOver(app, [first.address]);
    expect((await router.send(app)).body).toBe("first");
  });
});

/** Starts clients that send one request after the other, each on its own keep-alive connection. */
function startLoad(
  clients: number,
  send: (agent: Agent, count: number) => Promise<{ status: number; body: string }>,
) {
  const results = { requests: 0, failures: [] as string[], bodies: new Set<string>() };
  const stopped = new AbortController();
  const client = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!stopped.signal.aborted) {
      results.requests += 1;
      try {
        const { status, body } = await send(agent, results.requests);
        if (status === 200) results.bodies.add(body);
        else results.failures.push(`${status} ${body}`);
      } catch (error) {
        results.failures.push(String(error));
      }
    }
    agent.destroy();
  };
  const work = Promise.all(Array.from({ length: clients }, client));
  return {
    /** Resolves after `count` further requests. */
    more: async (count: number) => {
      const enough = results.requests + count;
      while (results.requests < enough) await turn();
    },
    stop: async () => {
      stopped.abort();
      await work;
      return results;
    },
  };
}

async function echo(name: string): Promise<TestTarget> {
  const target = await startTarget((_request, response) => response.end());
  const sockets = new WebSocketServer({ server: target.server });
  sockets.on("connection", (socket) => {
    socket.on("message", (data: Buffer) => socket.send(`${name}: ${data.toString()}`));
  });
  return target;
}

async function open(router: TestRouter, name: string): Promise<WebSocket> {
  const headers = { host: `${name}.localhost:${router.port}` };
  const socket = new WebSocket(`ws://127.0.0.1:${router.port}/`, { headers });
  await new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return socket;
}

function reply(socket: WebSocket, text: string): Promise<string> {
  return new Promise((resolve) => {
    socket.once("message", (data: Buffer) => resolve(data.toString()));
    socket.send(text);
  });
}
