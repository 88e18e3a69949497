import { describe, expect, test } from "vitest";
import { eventually, lacksRedis, startRedis, startSentinelRedis } from "@slipway/testkit";
import { isRedisUrl } from "@slipway/service";
import { openRedis, queueConnection } from "./connect.ts";

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
    ["http://127.0.0.1", false],
    ["127.0.0.1:6379", false],
    ["", false],
  ])("%s is a URL of Redis: %s", (url, valid) => {
    expect(isRedisUrl(url)).toBe(valid);
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
