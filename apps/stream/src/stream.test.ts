import { setTimeout as delay } from "node:timers/promises";
import { lacksRedis } from "@slipway/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestStream, usedBytes } from "../test-support/stream.ts";
import type { TestStream } from "../test-support/stream.ts";

describe.skipIf(await lacksRedis())("the stream", () => {
  let stream: TestStream;

  beforeAll(async () => {
    stream = await startTestStream();
  });
  afterAll(() => stream[Symbol.asyncDispose]());

  test("the stream sends all events of a deployment to a client that follows it from its creation", async () => {
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    // Deployments that are created after the client received this deployment's status are sent as "new".
    await stream.deploy(app);
    const client = stream.connect(`/apps/${app.name}`);
    await client.auth(jwt);
    await client.untilStatus("queued");
    const run = await stream.deploy(app);
    await run.start();
    run.log.line("-----> Building");
    await run.change("pushing");
    await run.change("starting");
    await run.log.write(Buffer.from("ready\n"));
    await run.finish("crashed-error");
    await client.untilStatus("crashed-error");
    expect(client.received).toEqual([
      "QUEUED",
      "NEW",
      "QUEUED",
      "BUILDING",
      "-----> Building",
      "PUSHING",
      "STARTING",
      "ready",
      "CRASHED-ERROR",
    ]);
    const [, first, second] = client.frames;
    expect(first).toEqual({ type: "new", data: { deployment: run.deployment.id } });
    expect(second).toMatchObject({ type: "status", id: run.deployment.id });
  });

  test("the stream replays to a late client, by app id and API token, and keeps the connection open", async () => {
    const { user, token } = await stream.newUser();
    const app = await stream.newApp(user);
    const run = await stream.deploy(app);
    await run.start();
    const lines = Array.from({ length: 4_000 }, (_, index) => `line ${index}`);
    await run.log.write(Buffer.from(lines.join("\n")));
    await run.finish("build-error");
    const client = stream.connect(`/apps/${app.id}`);
    await client.auth(token);
    await client.untilStatus("build-error");
    expect(client.received).toEqual(["QUEUED", "BUILDING", ...lines, "BUILD-ERROR"]);
    await stream.deploy(app);
    await client.until(({ type }) => type === "new");
  });

  test("a client that connects at any time receives every line once", async () => {
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    const run = await stream.deploy(app);
    await run.start();
    const clients = [];
    for (let line = 0; line < 3_000; line += 1) {
      await run.log.write(Buffer.from(`line ${line}\n`));
      if (line % 300 === 0) {
        const client = stream.connect(`/apps/${app.name}`);
        void client.auth(jwt);
        clients.push(client);
      }
      if (line % 30 === 0) await delay(1);
    }
    await run.finish("build-error");
    const lines = Array.from({ length: 3_000 }, (_, index) => `line ${index}`);
    for (const client of clients) {
      await client.untilStatus("build-error");
      expect(client.received).toEqual(["QUEUED", "BUILDING", ...lines, "BUILD-ERROR"]);
    }
  });

  test("a client that stops reading uses little memory, and receives everything when it resumes", async () => {
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    const run = await stream.deploy(app);
    await run.start();
    const client = stream.connect(`/apps/${app.name}`);
    await client.auth(jwt);
    await client.untilStatus("building");
    client.webSocket.pause();
    const before = usedBytes();
    const quick = stream.connect(`/apps/${app.name}`);
    await quick.auth(jwt);
    const line = Buffer.from(`${"x".repeat(999)}\n`);
    for (let count = 0; count < 20_000; count += 1) await run.log.write(line);
    await run.finish("build-error");
    // When the quick client has the whole log, the same amount could have been sent to the paused client.
    await quick.untilStatus("build-error");
    quick.forget();
    await expect.poll(() => usedBytes() - before).toBeLessThan(20_000 * line.length * 0.2);
    client.webSocket.resume();
    await client.untilStatus("build-error");
    expect(client.received).toHaveLength(20_003);
  });

  test.each(["http://scalingo-cli.local", undefined])(
    "a new frame has the form that clients with the Origin %s expect",
    async (origin) => {
      const { user, jwt } = await stream.newUser();
      const app = await stream.newApp(user);
      await stream.deploy(app);
      const client = stream.connect(`/apps/${app.name}`, origin);
      await client.auth(jwt);
      await client.untilStatus("queued");
      const { deployment } = await stream.deploy(app);
      await client.until(({ type }) => type === "new");
      const shown = origin === undefined ? deployment.id : { id: deployment.id, pusher: deployment.pusher };
      expect(client.frames[1]).toEqual({ type: "new", data: { deployment: shown } });
    },
  );

  test("an operator may follow any app", async () => {
    const owner = await stream.newUser();
    const operator = await stream.newUser({ operator: true });
    const app = await stream.newApp(owner.user);
    await stream.deploy(app);
    const client = stream.connect(`/apps/${app.name}`);
    await client.auth(operator.jwt);
    await client.untilStatus("queued");
    expect(client.received).toEqual(["QUEUED"]);
  });

  test("a connection is closed after the upgrade for an invalid token, an unknown or unauthorized app, an invalid path or frame", async () => {
    const owner = await stream.newUser();
    const other = await stream.newUser();
    const app = await stream.newApp(owner.user);
    const refused = async (path: string, frame: string | Buffer) => {
      const client = stream.connect(path);
      void client.send(frame);
      return client.closed;
    };
    const auth = (token: string) => JSON.stringify({ type: "auth", data: { token } });
    expect(await refused(`/apps/${app.name}`, auth("tk-us-wrong"))).toMatchObject({ code: 1008 });
    const unknown = await refused("/apps/unknown", auth(owner.jwt));
    expect(unknown).toEqual({ code: 1008, reason: "app not found" });
    expect(await refused(`/apps/${app.name}`, auth(other.jwt))).toEqual(unknown);
    expect(await refused("/nothing", auth(owner.jwt))).toMatchObject({ code: 1008 });
    expect(await refused(`/apps/${app.name}`, "no JSON")).toMatchObject({ code: 1008 });
    expect(await refused(`/apps/${app.name}`, Buffer.from(auth(owner.jwt)))).toMatchObject({ code: 1008 });
    expect(await refused(`/apps/${app.name}`, "x".repeat(70_000))).toMatchObject({ code: 1009 });
  });

  test("frames after the auth frame are ignored", async () => {
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    const client = stream.connect(`/apps/${app.name}`);
    await client.auth(jwt);
    await client.auth("tk-us-wrong");
    await client.send("hello");
    await stream.deploy(app);
    await client.untilStatus("queued");
    expect(client.webSocket.readyState).toBe(client.webSocket.OPEN);
  });

  test("the stream answers health checks over HTTP, and 404 to other requests", async () => {
    const health = await fetch(`${stream.url}/health`);
    expect(health.status).toBe(200);
    expect(await health.json()).toEqual({ status: "ok", parts: { store: "ok", redis: "ok" } });
    expect((await fetch(`${stream.url}/apps/demo`)).status).toBe(404);
  });
});

describe.skipIf(await lacksRedis())("the stream's limits", () => {
  test("connections are closed without an auth frame, over the user's limit, and when another connection needs the slot", async () => {
    await using stream = await startTestStream({ authMs: 1_000, connections: 2, connectionsPerUser: 1 });
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    const first = stream.connect(`/apps/${app.name}`);
    await first.auth(jwt);
    await stream.deploy(app);
    await first.untilStatus("queued");
    const second = stream.connect(`/apps/${app.name}`);
    await second.auth(jwt);
    expect(await second.closed).toMatchObject({ code: 1013 });
    const silent = stream.connect(`/apps/${app.name}`);
    expect((await silent.closed).reason).toContain("auth frame");
    const waiting = stream.connect(`/apps/${app.name}`);
    await new Promise((resolve) => waiting.webSocket.once("open", resolve));
    const next = stream.connect(`/apps/${app.name}`);
    await waiting.closed;
    expect((await next.closed).reason).toContain("auth frame");
    expect(first.webSocket.readyState).toBe(first.webSocket.OPEN);
  });

  test("pings keep responsive clients connected and drop unresponsive ones", async () => {
    await using stream = await startTestStream({ pingMs: 50 });
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    const responsive = stream.connect(`/apps/${app.name}`);
    const unresponsive = stream.connect(`/apps/${app.name}`);
    await responsive.auth(jwt);
    await unresponsive.auth(jwt);
    await unresponsive.until(({ type }) => type === "ping");
    unresponsive.webSocket.pause();
    const pings = () => responsive.frames.filter(({ type }) => type === "ping");
    await responsive.until(() => pings().length >= 8);
    expect(responsive.webSocket.readyState).toBe(responsive.webSocket.OPEN);
    unresponsive.webSocket.resume();
    expect((await unresponsive.closed).code).not.toBe(1000);
  });

  test("a recheck closes the connections of users who lost their role or token, and no others", async () => {
    await using stream = await startTestStream({ recheckMs: 50 });
    const [owner, guest] = [await stream.newUser(), await stream.newUser()];
    const app = await stream.newApp(owner.user);
    await stream.deploy(app);
    const role = { id: "c1", appId: app.id, userId: guest.user.id, createdAt: new Date() };
    await stream.store.collaborators.create({ ...role, role: "limited" });
    const connected = async (token: string) => {
      const client = stream.connect(`/apps/${app.name}`);
      await client.auth(token);
      await client.untilStatus("queued");
      return client;
    };
    const [byGuest, byToken, byJwt] = [
      await connected(guest.jwt),
      await connected(owner.token),
      await connected(owner.jwt),
    ];
    await stream.store.collaborators.delete(app.id, "c1");
    expect(await byGuest.closed).toEqual({ code: 1008, reason: "app not found" });
    expect([byToken, byJwt].map(({ webSocket }) => webSocket.readyState)).toEqual([1, 1]);
    await stream.store.tokens.removeOfUser(owner.user.id);
    const revoked = { code: 1008, reason: "the token is no longer valid" };
    expect(await Promise.all([byToken.closed, byJwt.closed])).toEqual([revoked, revoked]);
  });

  test("a stop closes idle clients at once, the others when their deployment ends", async () => {
    await using stream = await startTestStream();
    const { user, jwt } = await stream.newUser();
    const [busyApp, idleApp] = [await stream.newApp(user), await stream.newApp(user)];
    const run = await stream.deploy(busyApp);
    await run.start();
    const busy = stream.connect(`/apps/${busyApp.name}`);
    const idle = stream.connect(`/apps/${idleApp.name}`);
    await busy.auth(jwt);
    await idle.auth(jwt);
    await busy.untilStatus("building");
    const stopped = stream.service.stop({ graceMs: 20_000 });
    expect(await idle.closed).toMatchObject({ code: 1001 });
    run.log.line("still here");
    await run.finish("build-error");
    expect(await busy.closed).toMatchObject({ code: 1001 });
    expect(busy.received).toEqual(["QUEUED", "BUILDING", "still here", "BUILD-ERROR"]);
    await stopped;
  });

  test("a stop closes all clients at the end of the grace time", async () => {
    await using stream = await startTestStream();
    const { user, jwt } = await stream.newUser();
    const app = await stream.newApp(user);
    await stream.deploy(app);
    const client = stream.connect(`/apps/${app.name}`);
    await client.auth(jwt);
    await client.untilStatus("queued");
    await stream.service.stop({ graceMs: 100 });
    expect(await client.closed).toMatchObject({ code: 1001 });
  });
});
