import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Cluster } from "ioredis";
import { describe, expect, test } from "vitest";
import { eventually, lacksRedis, startRedis, startRedisCluster, startSentinelRedis } from "@slipway/testkit";
import { clusterOptions, redisUrlProblem } from "@slipway/service";
import { redisKeys } from "@slipway/protocol";
import { appChannel, publish } from "./channel.ts";
import { mayFailOver, openRedis, queueConnection } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import { isRedisFailure } from "./redis-failure.ts";
import { openSubscriber } from "./subscriber.ts";

describe("the URL of a Redis", () => {
  test("a URL names Sentinels, the primary, the database, and the users of both", () => {
    const url =
      "rediss+sentinel://app:p%40ss@one,two:26380,[::1]:5/main/3?sentinelUsername=s&sentinelPassword=w";
    expect(queueConnection(url, { maxRetriesPerRequest: 3 })).toMatchObject({
      sentinels: [
        { host: "one", port: 26_379 },
        { host: "two", port: 26_380 },
        { host: "::1", port: 5 },
      ],
      name: "main",
      db: 3,
      username: "app",
      password: "p@ss",
      sentinelUsername: "s",
      sentinelPassword: "w",
      tls: {},
      enableTLSForSentinelMode: true,
      maxRetriesPerRequest: 3,
    });
  });

  test("a password without a user, and no database, are left to the defaults", () => {
    const options = queueConnection("redis+sentinel://:secret@one/main", {});
    expect(options).toMatchObject({ password: "secret", db: 0 });
    for (const name of ["username", "tls", "sentinelPassword"]) expect(options).not.toHaveProperty(name);
  });

  test.each([
    ["redis://127.0.0.1:6379/1", true],
    ["rediss://user:secret@example.com", true],
    ["redis+sentinel://one,two/main", true],
    ["redis+sentinel://one,two", false],
    ["redis+sentinel://one:port/main", false],
    ["redis+sentinel:///main", false],
    ["redis+cluster://one,two:7000,[::1]:7001", true],
    ["rediss+cluster://app:secret@one", true],
    ["redis+cluster://one,two/0", false],
    ["redis+cluster://one?database=1", false],
    ["redis+cluster://one:port", false],
    ["redis+cluster://", false],
    ["http://127.0.0.1", false],
    ["127.0.0.1:6379", false],
    ["", false],
  ])("%s is a URL of Redis: %s", (url, valid) => {
    expect(redisUrlProblem(url) === undefined).toBe(valid);
  });

  test("a URL names nodes of a cluster, and a user of all of them", () => {
    expect(clusterOptions("rediss+cluster://app:p%40ss@one,two:7000,[::1]:7001")).toEqual({
      nodes: [
        { host: "one", port: 6_379 },
        { host: "two", port: 7_000 },
        { host: "::1", port: 7_001 },
      ],
      nodeOptions: { username: "app", password: "p@ss", tls: {} },
    });
    expect(clusterOptions("redis+cluster://one")?.nodeOptions).toEqual({});
  });

  test("a database in the URL of a cluster is refused with the reason", () => {
    expect(redisUrlProblem("redis+cluster://one,two/1")).toContain("a Redis Cluster has only database 0");
  });

  test.each([
    ["redis://one", false],
    ["redis+sentinel://one/main", true],
    ["redis+cluster://one", true],
  ])("%s may fail over: %s", (url, expected) => {
    expect(mayFailOver(url)).toBe(expected);
  });
});

describe.skipIf(await lacksRedis())("a connection to Redis", () => {
  test("a connection to one server has its database", async () => {
    await using server = await startRedis();
    const redis = openRedis(server.url);
    expect(await redis.ping()).toBe("PONG");
    redis.disconnect();
  });

  test("a connection by Sentinels writes to the new primary after a failover", async () => {
    await using server = await startSentinelRedis();
    const redis = openRedis(server.url, { maxRetriesPerRequest: null });
    const errors: unknown[] = [];
    redis.on("error", (error) => errors.push(error));
    await redis.set("before", "1");
    await redis.wait(1, 5_000);
    await server.failOver();
    await redis.set("after", "2");
    expect(await redis.mget("before", "after")).toEqual(["1", "2"]);
    await eventually(async () => (await redis.role())[0] === "master");
    redis.disconnect();
  });
});

describe.skipIf(await lacksRedis())("a connection to a Redis Cluster", () => {
  const keys = redisKeys("cluster-test");
  const message = { type: "log", deploymentId: "d-1", firstSeq: 1, text: "line" } as const;

  test("it reads and writes keys of all nodes, and continues after a failover of one", async () => {
    await using cluster = await startRedisCluster();
    await using opened = new AsyncDisposableStack();
    const redis = open(opened, cluster.url, null);
    const names = Array.from({ length: 30 }, (_, at) => `key-${at}`);
    await Promise.all(names.map((name) => redis.set(name, name)));
    const received: unknown[] = [];
    let connections = 0;
    const subscriber = opened.use(
      openSubscriber({ redis, keys }, { onError: () => undefined, onConnected: () => (connections += 1) }),
    );
    await subscriber.add(appChannel("a"), (found) => received.push(found));
    await publish({ redis, keys }, appChannel("a"), message);
    await eventually(async () => received.length === 1);

    const writes = redis.set(names[0] ?? "", "during");
    await cluster.failOver(keys.queuePrefix);
    await writes;
    await Promise.all(names.map((name) => redis.set(name, `${name} again`)));
    expect(await Promise.all(names.map((name) => redis.get(name)))).toEqual(
      names.map((name) => `${name} again`),
    );
    await eventually(async () => {
      await publish({ redis, keys }, appChannel("a"), message);
      return received.length > 1;
    });
    expect(connections).toBeGreaterThanOrEqual(1);
  });

  test("a subscription leaves a frozen node", async () => {
    await using cluster = await startRedisCluster();
    await using opened = new AsyncDisposableStack();
    const redis = open(opened, cluster.url, null);
    const received: unknown[] = [];
    const subscriber = opened.use(openSubscriber({ redis, keys }, { onError: () => undefined }));
    await subscriber.add(appChannel("a"), (found) => received.push(found));
    await redis.set("key", "value");
    const port = await eventually(async () => (await subscribed(redis as Cluster))[0]);
    await cluster.freeze(port);
    await eventually(async () => {
      await publish({ redis, keys }, appChannel("a"), message);
      return received.length > 0;
    });
    expect(received[0]).toEqual(message);
  });

  test("while all nodes are away, commands fail after their retries or wait; when the nodes are back, all connections work", async () => {
    await using cluster = await startRedisCluster();
    await using opened = new AsyncDisposableStack();
    const limited = open(opened, cluster.url, 2);
    const unlimited = open(opened, cluster.url, null);
    await Promise.all([limited.set("a", "1"), unlimited.set("b", "2")]);
    await cluster.kill();
    const waiting = unlimited.set("b", "3");
    const failures = [await failureOf(limited.get("a")), await failureOf(limited.get("a"))];
    expect(failures.map(isRedisFailure)).toEqual([true, true]);
    expect(failures[1]).toMatchObject({ message: unreachable });
    await cluster.start();
    expect(await waiting).toBe("OK");
    expect(await unlimited.get("b")).toBe("3");
    await eventually(async () => (await limited.set("a", "4").catch(() => "")) === "OK");
  });

  // ioredis has no public way to do this: see ClusterConnection.
  test("the commands that wait fail when the retries end, although the connection does not", async () => {
    await using opened = new AsyncDisposableStack();
    const limited = open(opened, nowhere, 2);
    const failures = await Promise.all([failureOf(limited.get("a")), failureOf(limited.get("b"))]);
    for (const failure of failures) expect(failure).toMatchObject({ message: unreachable });
    expect(limited.status).toBe("reconnecting");
  });

  test("closing a connection fails the commands that wait, at any time", async () => {
    await using opened = new AsyncDisposableStack();
    const opening = open(opened, nowhere, null);
    const reconnecting = open(opened, nowhere, null);
    const waiting = [opening, reconnecting].map((redis) => failureOf(redis.get("key")));
    opening.disconnect();
    await eventually(async () => reconnecting.status === "reconnecting");
    reconnecting.disconnect();
    for (const failure of await Promise.all(waiting)) expect(isRedisFailure(failure)).toBe(true);
    for (const { status } of [opening, reconnecting]) expect(status).toBe("end");
  });

  test("a closed connection, or a duplicate, can be closed again, and connects again", async () => {
    await using cluster = await startRedisCluster();
    await using opened = new AsyncDisposableStack();
    const first = open(opened, cluster.url, null);
    const second = opened.adopt(first.duplicate(), (client) => client.disconnect());
    for (const redis of [first, second]) {
      await Promise.all(Array.from({ length: 30 }, (_, at) => redis.set(`key-${at}`, "1")));
      redis.disconnect();
      await redis.connect();
      await Promise.all(Array.from({ length: 30 }, (_, at) => redis.get(`key-${at}`)));
      const ended = once(redis, "end");
      redis.disconnect();
      await ended;
      // Longer than the connections to the nodes take to close.
      await delay(200);
      redis.disconnect();
      expect(redis.status).toBe("end");
      await redis.connect();
      expect(await redis.get("key-1")).toBe("1");
    }
  });
});

const nowhere = "redis+cluster://127.0.0.1:1,127.0.0.1:2";
const unreachable = "none of the cluster's nodes can be reached";

function open(
  opened: AsyncDisposableStack,
  url: string,
  maxRetriesPerRequest: number | null,
): RedisConnection {
  const redis = openRedis(url, { maxRetriesPerRequest });
  redis.on("error", () => undefined);
  return opened.adopt(redis, (client) => client.disconnect());
}

/** The ports of the nodes with a subscription. */
async function subscribed(cluster: Cluster): Promise<number[]> {
  const found: number[] = [];
  for (const node of cluster.nodes("all"))
    if ((await node.pubsub("CHANNELS")).length > 0) found.push(node.options.port ?? 0);
  return found;
}

/** @throws when it does not fail. */
async function failureOf(call: Promise<unknown>): Promise<unknown> {
  const none = Symbol("none");
  const failure = await call.then(
    () => none,
    (error: unknown) => error,
  );
  if (failure === none) throw new Error("the call did not fail");
  return failure;
}
