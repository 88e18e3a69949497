// A switch loses no request: new ones go to the new rollout, those on their way end on the former one, and then it is told.

import { Agent } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { lacksRedis } from "@slipway/testkit";
import { answering, startTarget, startTestRouter, turn } from "./test-router.ts";
import type { TestRouter, TestTarget } from "./test-router.ts";

describe.skipIf(await lacksRedis())("a switch", () => {
  let router: TestRouter;
  beforeAll(async () => {
    router = await startTestRouter();
  });
  afterAll(() => router[Symbol.asyncDispose]());

  test("under load fails no request, though the former instance ends at once after it", async () => {
    const app = await router.newApp();
    let serving: TestTarget = await answering("0");
    await router.switchTo(app, [serving.address]);
    const load = startLoad(8, (agent, count) =>
      router.ask(app, { agent, ...(count % 3 === 0 ? { method: "POST", body: "x".repeat(5_000) } : {}) }),
    );
    for (let number = 1; number <= 20; number += 1) {
      await load.more(20);
      const next = await answering(String(number));
      await router.switchTo(app, [next.address]);
      await serving[Symbol.asyncDispose]();
      serving = next;
    }
    await load.more(20);
    const { asked, failures, bodies } = await load.stop();
    await serving[Symbol.asyncDispose]();
    expect(failures).toEqual([]);
    expect(bodies.size).toBe(21);
    console.info(`${asked} requests through 20 switches, ${failures.length} failed`);
  });

  test("waits for a slow request, and cuts off one that takes too long", async () => {
    const [slowAsked, endlessAsked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const finish = Promise.withResolvers<void>();
    await using former = await startTarget((request, response) => {
      if (request.url === "/slow") {
        slowAsked.resolve();
        void finish.promise.then(() => response.end("at last"));
      } else if (request.url === "/endless") endlessAsked.resolve();
      else response.end("former");
    });
    await using next = await answering("next");
    await using last = await answering("last");
    const app = await router.newApp();
    await router.switchTo(app, [former.address]);
    const slow = router.ask(app, { path: "/slow" });
    await slowAsked.promise;
    let switched = false;
    const switching = router.switchTo(app, [next.address]).then(() => (switched = true));
    await expect.poll(async () => (await router.ask(app)).body).toBe("next");
    expect(switched).toBe(false);
    finish.resolve();
    expect(await slow).toMatchObject({ status: 200, body: "at last" });
    await switching;

    await router.switchTo(app, [former.address]);
    const endless = router.ask(app, { path: "/endless" });
    await endlessAsked.promise;
    await router.switchTo(app, [last.address], 100);
    expect(await endless).toMatchObject({ status: 503, body: expect.stringContaining("replaced") });
  });

  test("ends WebSockets of the former rollout when its time is over, and new ones reach the next", async () => {
    await using former = await echo("former");
    await using next = await echo("next");
    const app = await router.newApp();
    await router.switchTo(app, [former.address]);
    const socket = await open(router, app.name);
    expect(await said(socket, "hello")).toBe("former: hello");
    const closed = new Promise((resolve) => socket.once("close", resolve));
    await router.switchTo(app, [next.address], 50);
    await closed;
    const again = await open(router, app.name);
    const long = "x".repeat(300_000);
    expect(await said(again, long)).toBe(`next: ${long}`);
    again.terminate();
  });

  test("a WebSocket that nobody takes is told why", async () => {
    const app = await router.newApp();
    await router.switchTo(app, []);
    await expect(open(router, app.name)).rejects.toThrow("503");
    await using refusing = await startTarget((_request, response) => response.writeHead(403).end("no"));
    refusing.server.on("upgrade", (_request, socket) =>
      socket.end("HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n"),
    );
    await router.switchTo(app, [refusing.address]);
    await expect(open(router, app.name)).rejects.toThrow("403");
    await using breaking = await startTarget(() => undefined);
    breaking.server.on("upgrade", (_request, socket) => socket.destroy());
    await router.switchTo(app, [breaking.address]);
    await expect(open(router, app.name)).rejects.toThrow("502");
  });

  test("goes on without Redis, from what it knows and from the store", async () => {
    await using first = await answering("first");
    await using second = await answering("second");
    const app = await router.newApp();
    await router.switchTo(app, [first.address]);
    await router.redis.kill();
    expect((await router.ask(app)).body).toBe("first");
    await router.point(app, [second.address]);
    await expect.poll(async () => (await router.ask(app)).body).toBe("second");
    await router.redis.start();
    await router.switchTo(app, [first.address]);
    expect((await router.ask(app)).body).toBe("first");
  });
});

/** Clients that ask one request after the other, each on a connection of its own that stays open. */
function startLoad(
  clients: number,
  send: (agent: Agent, count: number) => Promise<{ status: number; body: string }>,
) {
  const seen = { asked: 0, failures: [] as string[], bodies: new Set<string>() };
  const stopped = new AbortController();
  const client = async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!stopped.signal.aborted) {
      seen.asked += 1;
      try {
        const { status, body } = await send(agent, seen.asked);
        if (status === 200) seen.bodies.add(body);
        else seen.failures.push(`${status} ${body}`);
      } catch (error) {
        seen.failures.push(String(error));
      }
    }
    agent.destroy();
  };
  const work = Promise.all(Array.from({ length: clients }, client));
  return {
    /** Resolves when as many more have been asked. */
    more: async (count: number) => {
      const enough = seen.asked + count;
      while (seen.asked < enough) await turn();
    },
    stop: async () => {
      stopped.abort();
      await work;
      return seen;
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

function said(socket: WebSocket, text: string): Promise<string> {
  return new Promise((resolve) => {
    socket.once("message", (data: Buffer) => resolve(data.toString()));
    socket.send(text);
  });
}
