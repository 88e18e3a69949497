import { Redis } from "ioredis";
import { confirmCutover, joinRouters, routesChannel, subscribe } from "@slipway/bus";
import { redisKeys } from "@slipway/protocol";
import { lacksRedis, startRedis } from "@slipway/testkit";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { ensureRedisUsers } from "./redis-users.ts";
import type { RedisUrls, RedisUser } from "./redis-users.ts";

const keys = redisKeys("0a1b2c3d");

describe.skipIf(await lacksRedis())("the users of the private Redis", () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let urls: RedisUrls;
  beforeAll(async () => {
    server = await startRedis();
    urls = await ensureRedisUsers(withPassword(server.url), "0a1b2c3d");
  });
  afterAll(() => server[Symbol.asyncDispose]());

  function connect(user: RedisUser): Redis {
    const redis = new Redis(urls[user], { retryStrategy: () => null });
    onTestFinished(() => redis.disconnect());
    return redis;
  }

  test("each kind of process has another password, and the same at the next start", async () => {
    expect(new Set(Object.values(urls).map((url) => new URL(url).password)).size).toBe(4);
    expect(await ensureRedisUsers(withPassword(server.url), "0a1b2c3d")).toEqual(urls);
  });

  test("the router joins, receives routes and confirms a cutover", async () => {
    const redis = connect("router");
    const errors: unknown[] = [];
    const bus = { redis, keys };
    const received = Promise.withResolvers<unknown>();
    const onError = (error: unknown) => errors.push(error);
    await using _subscribed = await subscribe(bus, routesChannel, { onMessage: received.resolve, onError });
    const presence = joinRouters(bus, { id: "r", onError });
    await presence.joined;
    await confirmCutover(bus, "rollout", "r");
    expect(await connect("worker").smembers(keys.routersCutOver("rollout"))).toEqual(["r"]);
    await connect("worker").publish(keys.routesChannel, JSON.stringify({ appId: "a" }));
    expect(await received.promise).toEqual({ appId: "a" });
    await presence[Symbol.asyncDispose]();
    expect(errors).toEqual([]);
  });

  test("the stream reads the tail of a log", async () => {
    await connect("worker").xadd(keys.logTail("d"), "1-1", "m", "line");
    const redis = connect("stream");
    expect(await redis.xrange(keys.logTail("d"), "1", "+")).toEqual([["1-1", ["m", "line"]]]);
    expect(await redis.hmget(keys.logHead("d"), "lastSeq", "attempt", "startsAfter")).toEqual([
      null,
      null,
      null,
    ]);
    await redis.subscribe(keys.appChannel("a"));
  });

  test.for<[string, RedisUser, (redis: Redis) => Promise<unknown>]>([
    ["router lists keys", "router", (redis) => redis.keys("*")],
    ["router reads a log", "router", (redis) => redis.xrange(keys.logTail("d"), "-", "+")],
    [
      "router reads a log in a script",
      "router",
      (redis) => redis.eval(`return redis.call('xrange', '${keys.logTail("d")}', '-', '+')`, 0),
    ],
    ["router reads a job of the queue", "router", (redis) => redis.sadd(`${keys.queuePrefix}:jobs`, "x")],
    ["router follows an app's log", "router", (redis) => redis.subscribe(keys.appChannel("a"))],
    ["router follows all channels", "router", (redis) => redis.psubscribe("*")],
    ["router publishes routes", "router", (redis) => redis.publish(keys.routesChannel, "{}")],
    ["stream changes a log", "stream", (redis) => redis.hset(keys.logHead("d"), "attempt", "9")],
    ["stream deletes a log", "stream", (redis) => redis.del(keys.logTail("d"))],
    ["stream receives aborts", "stream", (redis) => redis.subscribe(keys.controlChannel)],
    ["stream reads the workers", "stream", (redis) => redis.hgetall(keys.workers)],
    ["stream reads the configuration", "stream", (redis) => redis.config("GET", "requirepass")],
    ["API reads the configuration", "api", (redis) => redis.config("GET", "requirepass")],
    ["worker lists users", "worker", (redis) => redis.acl("LIST")],
    ["worker shuts the server down", "worker", (redis) => redis.call("SHUTDOWN")],
  ])("the Redis refuses when the %s", async ([, user, command]) => {
    await expect(command(connect(user))).rejects.toThrow(/NOPERM|permission|can.t run this command/i);
  });
});

/** The default user of a test's server needs no password, and ignores one. */
function withPassword(url: string): string {
  const given = new URL(url);
  given.username = "default";
  given.password = "server-password";
  return given.href;
}
