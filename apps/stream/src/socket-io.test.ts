import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLogger } from "@slipway/service";
import { lacksRedis } from "@slipway/testkit";
import { IoClient } from "../test-support/socket-io-client.ts";
import { startTestStream, usedBytes } from "../test-support/stream.ts";
import type { TestStream } from "../test-support/stream.ts";
import { defaultLimits } from "./limits.ts";
import { openSocketIo } from "./socket-io.ts";

describe.skipIf(await lacksRedis())("the stream over socket.io", () => {
  let stream: TestStream;

  beforeAll(async () => {
    stream = await startTestStream({ subscriptions: 3 });
  });
  afterAll(() => stream[Symbol.asyncDispose]());

  test.for(["websocket", "polling", "polling websocket"])(
    "a subscription to an app replays and follows its deployments over %s",
    async (transports) => {
      const { user, jwt } = await stream.newUser();
      const app = await stream.newApp(user);
      const run = await stream.deploy(app);
      await run.start();
      run.log.line("one");
      using client = new IoClient(stream.url, jwt, transports.split(" "));
      expect(await client.request("subscribe", { app: app.name })).toEqual({
        ok: true,
        app: app.id,
        deployment: null,
      });
      await client.until("one");
      run.log.line("two");
      await run.finish("build-error");
      await client.until("BUILD-ERROR");
      const next = await stream.deploy(app);
      await client.until("NEW");
      await client.count(7);
      expect(client.received).toEqual(["QUEUED", "BUILDING", "one", "two", "BUILD-ERROR", "NEW", "QUEUED"]);
      expect(client.news).toEqual([expect.objectContaining({ app: app.id, deployment: next.deployment.id })]);
    },
  );

  test("a phase is sent by socket.io while it happens, and not to Scalingo's clients", async () => {
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    const run = await stream.deploy(app);
    await run.start();
    using client = new IoClient(stream.url, jwt, ["websocket"]);
    await client.request("subscribe", { app: app.name });
    await client.until("BUILDING");
    const scalingo = stream.connect(`/apps/${app.name}`);
    await scalingo.auth(jwt);
    await scalingo.untilStatus("building");
    run.log.line("one");
    await run.log.flush();
    const [startedAt, finishedAt] = [
      new Date("2026-03-04T05:06:07.089Z"),
      new Date("2026-03-04T05:06:09.000Z"),
    ];
    const phase = {
      name: "fetch",
      startedAt,
      finishedAt,
      bytes: 42,
      reused: [],
      outcome: "success",
    } as const;
    await run.phase(phase);
    await client.until("PHASE");
    expect(client.phases).toEqual([
      {
        app: app.id,
        deployment: run.deployment.id,
        attempt: 1,
        name: "fetch",
        state: "finished",
        at: finishedAt.toISOString(),
        outcome: "success",
        bytes: 42,
        reused: [],
        lineCount: 1,
      },
    ]);
    await run.finish("build-error");
    await scalingo.untilStatus("build-error");
    expect(scalingo.received).toEqual(["QUEUED", "BUILDING", "one", "BUILD-ERROR"]);
  });

  test("a reconnected client resumes from its cursor without gaps or duplicates", async () => {
    const { user, token } = await stream.newUser();
    const app = await stream.newApp(user);
    const run = await stream.deploy(app);
    await run.start();
    using client = new IoClient(stream.url, token, ["websocket"]);
    client.socket.on("connect", () => {
      client.socket.emit("subscribe", { app: app.id, deployment: run.deployment.id, ...client.cursor });
    });
    for (let line = 1; line <= 3_000; line += 1) {
      await run.log.write(Buffer.from(`${line}\n`));
      if (line % 600 === 0) client.socket.io.engine.close();
      if (line % 50 === 0) await delay(1);
    }
    await run.finish("build-error");
    await client.ended;
    expect(client.received).toEqual(["QUEUED", "BUILDING", ...numbers(3_000), "BUILD-ERROR"]);
    expect(client.end).toMatchObject({ lineCount: 3_000, sha256: run.deployment.logSha256 });
    expect(client.connections).toBeGreaterThan(1);
  });

  test("a client that stops reading uses little memory, and receives everything when it resumes", async () => {
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    const run = await stream.deploy(app);
    await run.start();
    using client = new IoClient(stream.url, jwt, ["websocket"]);
    await client.request("subscribe", { app: app.name, deployment: run.deployment.id });
    await client.until("BUILDING");
    client.webSocket.pause();
    const before = usedBytes();
    using quick = new IoClient(stream.url, jwt, ["websocket"]);
    await quick.request("subscribe", { app: app.name, deployment: run.deployment.id });
    const line = "x".repeat(999);
    for (let count = 0; count < 60_000; count += 1) await run.log.write(Buffer.from(`${line}\n`));
    await run.finish("build-error");
    // When the quick client has the whole log, the same amount could have been sent to the paused client.
    await quick.ended;
    quick.forget();
    await expect.poll(() => usedBytes() - before).toBeLessThan(60_000 * line.length * 0.2);
    client.webSocket.resume();
    await client.ended;
    expect(client.received.filter((item) => item === line)).toHaveLength(60_000);
  });

  test("an invalid or missing token is reported as connect_error", async () => {
    for (const token of ["tk-us-wrong", undefined, 7]) {
      using client = new IoClient(stream.url, token, ["websocket"]);
      expect(await client.refused).toMatchObject({ data: { code: "unauthorized" } });
    }
  });

  test("unauthorized and invalid subscriptions are rejected with an error code", async () => {
    const [{ user, jwt }, otherUser] = [await stream.newUser(), await stream.newUser()];
    const [app, foreign] = [await stream.newApp(user), await stream.newApp(otherUser.user)];
    const elsewhere = await stream.deploy(foreign);
    using client = new IoClient(stream.url, jwt, ["websocket"]);
    const refusals: readonly [unknown, string][] = [
      [{ app: foreign.name }, "not-found"],
      [{ app: "no-such-app" }, "not-found"],
      [{ app: app.name, deployment: elsewhere.deployment.id }, "not-found"],
      [{ app: app.name, afterSeq: 4 }, "invalid"],
      [{ app: app.name, deployment: "d", afterSeq: -1 }, "invalid"],
      [{ app: app.name, and: "more" }, "invalid"],
      [{}, "invalid"],
      [null, "invalid"],
      ["app", "invalid"],
    ];
    for (const [request, code] of refusals) {
      expect(await client.request("subscribe", request)).toMatchObject({ ok: false, code });
    }
    expect(await client.request("unsubscribe", { app: foreign.name })).toMatchObject({ code: "not-found" });
    client.socket.emit("subscribe", { app: foreign.name });
    client.socket.send("an event that the server does not know");
    expect(await client.request("subscribe", { app: app.name })).toMatchObject({ ok: true });
  });

  test("a connection has at most the permitted subscriptions, and unsubscribe makes room for another", async () => {
    const { user, jwt } = await stream.newUser();
    const apps = await Promise.all([1, 2, 3, 4].map(() => stream.newApp(user)));
    using client = new IoClient(stream.url, jwt, ["websocket"]);
    const answers = [];
    for (const { name } of apps) answers.push(await client.request("subscribe", { app: name }));
    expect(answers.map(({ ok }) => ok)).toEqual([true, true, true, false]);
    expect(answers[3]).toMatchObject({ code: "too-many-requests" });
    const [first, , , fourth] = apps.map(({ name }) => ({ app: name }));
    expect(await client.request("subscribe", first)).toMatchObject({ ok: true });
    expect(await client.request("unsubscribe", first)).toMatchObject({ ok: true });
    expect(await client.request("subscribe", fourth)).toMatchObject({ ok: true });
  });

  test("the plain WebSocket and the health endpoint are served on the same port", async () => {
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    await stream.deploy(app);
    using client = new IoClient(stream.url, jwt, ["websocket"]);
    await client.request("subscribe", { app: app.name });
    const plain = stream.connect(`/apps/${app.name}`);
    await plain.auth(jwt);
    await plain.untilStatus("queued");
    await client.until("QUEUED");
    expect((await fetch(`${stream.url}/health`)).status).toBe(200);
  });
});

describe.skipIf(await lacksRedis())("the stream's limits over socket.io", () => {
  test("an unauthenticated client replaces another unauthenticated one, never an authenticated one", async () => {
    await using stream = await startTestStream({ unauthenticatedConnections: 2 });
    const { jwt } = await stream.newUser();
    using authenticated = new IoClient(stream.url, jwt, ["websocket"]);
    await authenticated.connected;
    const poll = (session = "") =>
      fetch(`${stream.url}/socket.io/?EIO=4&transport=polling${session}`, {
        headers: { connection: "close" },
      });
    const handshakes = [await poll(), await poll(), await poll()];
    expect(handshakes.map(({ status }) => status)).toEqual([200, 200, 200]);
    const { sid } = JSON.parse(((await handshakes[0]?.text()) ?? "").slice(1)) as { sid: string };
    expect((await poll(`&sid=${sid}`)).status).toBe(400);
    expect(authenticated.socket.connected).toBe(true);
  });

  test("both transports count towards a user's limit; a stop closes the transport, so that clients reconnect", async () => {
    await using stream = await startTestStream({ connectionsPerUser: 2 });
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    const run = await stream.deploy(app);
    await run.start();
    const plain = stream.connect(`/apps/${app.name}`);
    await plain.auth(jwt);
    await plain.untilStatus("building");
    using client = new IoClient(stream.url, jwt, ["websocket"]);
    await client.request("subscribe", { app: app.name });
    await client.until("BUILDING");
    using third = new IoClient(stream.url, jwt, ["websocket"]);
    expect(await third.refused).toMatchObject({ data: { code: "too-many-requests" } });
    const disconnected = new Promise((resolve) => client.socket.once("disconnect", resolve));
    const stopped = stream.service.stop({ graceMs: 20_000 });
    run.log.line("still here");
    await run.finish("build-error");
    expect(await disconnected).toBe("transport close");
    expect(client.received).toEqual(["QUEUED", "BUILDING", "still here", "BUILD-ERROR"]);
    await stopped;
  });
});

describe.skipIf(await lacksRedis())("authorization rechecks over socket.io", () => {
  test("a demoted operator loses the apps of others and keeps their own; a revoked token ends the connection", async () => {
    await using stream = await startTestStream({ recheckMs: 50 });
    const [operator, owner] = [await stream.newUser({ operator: true }), await stream.newUser()];
    const [own, foreign] = [await stream.newApp(operator.user), await stream.newApp(owner.user)];
    using client = new IoClient(stream.url, operator.jwt, ["websocket"]);
    const lost = new Promise((resolve) => client.socket.once("lost", resolve));
    for (const { name } of [own, foreign]) {
      expect(await client.request("subscribe", { app: name })).toMatchObject({ ok: true });
    }
    const { store } = stream;
    await store.users.compareAndSet({ ...operator.user, operator: false, revision: 2 });
    expect(await lost).toMatchObject({ app: foreign.id, deployment: null, code: "not-found" });
    expect(await client.request("subscribe", { app: foreign.name })).toMatchObject({ code: "not-found" });
    await stream.deploy(foreign);
    await stream.deploy(own);
    await client.until("QUEUED");
    expect(client.news).toEqual([expect.objectContaining({ app: own.id })]);
    await store.tokens.removeOfUser(operator.user.id);
    expect(await client.refused).toMatchObject({ data: { code: "unauthorized" } });
  });
});

function numbers(last: number): string[] {
  return Array.from({ length: last }, (_, index) => String(index + 1));
}

test("a handshake whose check fails is refused and logged, and does not stay open", async () => {
  const logged: string[] = [];
  const destination = { write: (line: string) => void logged.push(line) };
  const unused = () => Promise.reject(new Error("not used by a handshake"));
  const io = openSocketIo({
    context: {
      authorization: { authenticate: unused, reauthenticate: unused, app: unused, deployment: unused },
      feed: {
        follow: () => {
          throw new Error("not used by a handshake");
        },
      },
      logger: createLogger({ name: "stream", level: "error", destination }),
    },
    connections: {
      makeRoomFor: () => {
        throw new Error("a bug");
      },
      track: () => {
        throw new Error("a refused handshake is not a connection");
      },
      hasRoomFor: () => true,
    },
    limits: defaultLimits,
    corsOrigins: [],
    trustedProxies: [],
  });
  const server = createServer((request, response) => io.handleRequest(request, response));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`);
  expect(response.status).toBe(403);
  expect(await response.json()).toMatchObject({ message: "the server cannot answer now, try again later" });
  expect(logged).toEqual([expect.stringContaining("a bug")]);
  await io.close();
  server.close();
});
