import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import type { ControlMessage } from "@slipway/protocol";
import { lacksRedis, startPrivateRedis, startRedis } from "@slipway/testkit";
import type { Bus } from "./bus.ts";
import { appChannel, controlChannel, publish, routesChannel } from "./channel.ts";
import { joinPresence, listMembers } from "./presence.ts";
import type { PresenceOptions } from "./presence.ts";
import { confirmCutover, countPendingRouters, joinRouters } from "./routers.ts";
import { loadScript, runScript } from "./script.ts";
import { openSubscriber, subscribe } from "./subscriber.ts";

const keys = { seen: "{group}:seen", records: "{group}:records" };

describe.skipIf(await lacksRedis())("the bus", () => {
  let opened: AsyncDisposableStack;
  let redis: Redis;
  let bus: Bus;

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    const server = opened.use(await startRedis());
    redis = opened.adopt(new Redis(server.url), (client) => client.disconnect());
    bus = { redis, keys: redisKeys("bus-test") };
  });
  afterEach(() => opened.disposeAsync());

  const join = (options: Partial<PresenceOptions> & { readonly id: string }) =>
    joinPresence({
      redis,
      keys,
      beatMs: 60_000,
      forgetAfterMs: 60_000,
      onError: (error) => {
        throw error;
      },
      ...options,
    });
  const ids = async () => (await listMembers(redis, keys)).members.map(({ id }) => id);

  test("a member is listed with its record until it leaves", async () => {
    const before = Date.now();
    const member = join({ id: "a", record: () => "ready" });
    await member.joined;
    const { nowMs, members } = await listMembers(redis, keys);
    expect(members).toEqual([{ id: "a", record: "ready", seenAtMs: expect.any(Number) }]);
    expect(nowMs).toBeGreaterThanOrEqual(members[0]?.seenAtMs ?? Infinity);
    expect(members[0]?.seenAtMs).toBeGreaterThanOrEqual(before - 1_000);
    await member[Symbol.asyncDispose]();
    expect(await ids()).toEqual([]);
    expect(await redis.exists(keys.records)).toBe(0);
  });

  test("a heartbeat sends the record as it is by then", async () => {
    let record = "ready";
    await using member = join({ id: "a", record: () => record });
    await member.joined;
    record = "draining";
    member.beat();
    await expect
      .poll(async () => (await listMembers(redis, keys)).members)
      .toMatchObject([{ record: "draining" }]);
  });

  test("a heartbeat forgets members that are silent for too long", async () => {
    await redis.zadd(keys.seen, Date.now() - 120_000, "silent");
    await redis.hset(keys.records, "silent", "ready");
    await using member = join({ id: "a", record: () => "ready" });
    await member.joined;
    expect(await ids()).toEqual(["a"]);
    expect(await redis.hkeys(keys.records)).toEqual(["a"]);
  });

  test("a member is restored after Redis lost all data", async () => {
    await using member = join({ id: "a", beatMs: 10 });
    await member.joined;
    await redis.flushall();
    await expect.poll(ids).toEqual(["a"]);
  });

  test("a message arrives as its schema reads it", async () => {
    const received = Promise.withResolvers<ControlMessage>();
    const onError = received.reject;
    await using _subscription = await subscribe(bus, controlChannel, {
      onMessage: received.resolve,
      onError,
    });
    await publish(bus, controlChannel, { type: "abort", deploymentId: "d1" });
    expect(await received.promise).toEqual({ type: "abort", deploymentId: "d1" });
  });

  test("a message that does not fit is an error, and the next one arrives", async () => {
    const errors: unknown[] = [];
    const received = Promise.withResolvers<ControlMessage>();
    await using _subscription = await subscribe(bus, controlChannel, {
      onMessage: received.resolve,
      onError: (error) => errors.push(error),
    });
    await redis.publish(bus.keys.controlChannel, "not json");
    await redis.publish(bus.keys.controlChannel, JSON.stringify({ type: "unknown" }));
    await publish(bus, controlChannel, { type: "abort", deploymentId: "d2" });
    expect(await received.promise).toMatchObject({ deploymentId: "d2" });
    expect(errors).toHaveLength(2);
  });

  test("a subscription is restored after the connection was cut", async () => {
    const received: string[] = [];
    let connections = 0;
    await using _subscription = await subscribe(bus, controlChannel, {
      onMessage: ({ deploymentId }) => received.push(deploymentId),
      onError: () => {},
      onConnected: () => (connections += 1),
    });
    await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await expect
      .poll(async () => {
        await publish(bus, controlChannel, { type: "abort", deploymentId: "d3" });
        return received;
      })
      .toContain("d3");
    expect(connections).toBeGreaterThan(1);
  });

  test("a script runs again after the server forgot it", async () => {
    const script = loadScript("members_test", new URL("lua/members.lua", import.meta.url), 2);
    await runScript(redis, script, [keys.seen, keys.records], []);
    await redis.script("FLUSH");
    expect(await runScript(redis, script, [keys.seen, keys.records], [])).toEqual([
      expect.any(Number),
      [],
      [],
    ]);
  });

  test("a script refuses a wrong number of keys", async () => {
    const script = loadScript("members_test", new URL("lua/members.lua", import.meta.url), 2);
    expect(() => runScript(redis, script, [keys.seen], [])).toThrow("takes 2 keys, not 1");
  });

  test("a heartbeat waits for Redis instead of piling up", async () => {
    let sent = 0;
    await using member = join({ id: "a", record: () => String((sent += 1)) });
    for (let count = 0; count < 50; count += 1) member.beat();
    await member.joined;
    expect(sent).toBeLessThanOrEqual(3);
  });

  test("disposing a subscription closes its connection", async () => {
    const subscription = await subscribe(bus, controlChannel, { onMessage: () => {}, onError: () => {} });
    await subscription[Symbol.asyncDispose]();
    const { controlChannel: name } = bus.keys;
    await expect.poll(async () => redis.pubsub("NUMSUB", name)).toEqual([name, 0]);
  });

  test("onConnected is called when the channels are subscribed to, also after a lost connection", async () => {
    const { controlChannel: name } = bus.keys;
    const subscribers: unknown[] = [];
    await using subscriber = openSubscriber(bus, {
      onError: () => {},
      onConnected: () => void redis.pubsub("NUMSUB", name).then((count) => subscribers.push(count)),
    });
    await subscriber.add(controlChannel, () => {});
    await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await expect
      .poll(() => subscribers)
      .toEqual([
        [name, 1],
        [name, 1],
      ]);
  });

  test("one subscriber receives several channels until they are removed", async () => {
    const received: string[] = [];
    await using subscriber = openSubscriber(bus, { onError: () => {} });
    await subscriber.add(appChannel("a"), ({ deploymentId }) => received.push(deploymentId));
    await subscriber.add(routesChannel, ({ appId }) => received.push(appId));
    subscriber.remove(appChannel("a"));
    await expect
      .poll(async () => redis.pubsub("NUMSUB", bus.keys.appChannel("a")))
      .toEqual([bus.keys.appChannel("a"), 0]);
    await publish(bus, routesChannel, { appId: "b" });
    await expect.poll(() => received).toEqual(["b"]);
  });

  test("subscribing resolves while Redis is unreachable, and messages arrive once it is reachable", async () => {
    const server = opened.use(await startPrivateRedis());
    const client = opened.adopt(
      new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 }),
      (connection) => connection.disconnect(),
    );
    client.on("error", () => {});
    await server.kill();
    const [ofServer, received] = [{ ...bus, redis: client }, [] as string[]];
    await using _subscription = await subscribe(ofServer, controlChannel, {
      onMessage: ({ deploymentId }) => received.push(deploymentId),
      onError: () => {},
    });
    await server.start();
    await expect
      .poll(async () => {
        await publish(ofServer, controlChannel, { type: "abort", deploymentId: "d4" });
        return received;
      })
      .toContain("d4");
  });

  test("a cutover is pending for routers that are alive and have not confirmed it", async () => {
    const onError = (error: unknown) => {
      throw error;
    };
    expect(await countPendingRouters(bus, "r1")).toBe(0);
    await using one = joinRouters(bus, { id: "one", onError });
    const two = joinRouters(bus, { id: "two", onError });
    await Promise.all([one.joined, two.joined]);
    await redis.zadd(bus.keys.routersSeen, Date.now() - 60_000, "silent");
    await confirmCutover(bus, "r1", "one");
    expect(await countPendingRouters(bus, "r1")).toBe(1);
    expect(await countPendingRouters(bus, "r2")).toBe(2);
    expect(await redis.ttl(bus.keys.routersCutOver("r1"))).toBeGreaterThan(0);
    await two[Symbol.asyncDispose]();
    expect(await countPendingRouters(bus, "r1")).toBe(0);
  });
});
