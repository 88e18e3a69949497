import { once } from "node:events";
import { Redis } from "ioredis";
import { SlipwayError } from "@slipway/core";
import { describe, expect, test } from "vitest";
import { freePort, lacksRedis, startRedis } from "@slipway/testkit";
import { isRedisFailure } from "./redis-failure.ts";

const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

/** A client whose connection errors are not logged. */
function clientOf(url: string, options: object = {}): Redis {
  return new Redis(url, { retryStrategy: () => 10, ...options }).on("error", () => undefined);
}

test("a connection that failed to one of a name's addresses has failed; other errors together have another cause", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED"), { syscall: "connect" });
  const other = new TypeError("x is undefined");
  expect(isRedisFailure(new AggregateError([other, refused]))).toBe(true);
  expect(isRedisFailure(new AggregateError([other]))).toBe(false);
});

describe.skipIf(await lacksRedis())("failures of Redis", () => {
  test("a Redis that cannot be reached, stops, is not ready, or was disconnected has failed", async () => {
    const away = clientOf(`redis://127.0.0.1:${await freePort()}`, { maxRetriesPerRequest: 1 });
    const refused = clientOf(`redis://127.0.0.1:${await freePort()}`, {
      lazyConnect: true,
      retryStrategy: () => null,
    });
    const failures = [await errorOf(away.get("k")), await errorOf(refused.connect())];
    const hasty = clientOf(`redis://127.0.0.1:${await freePort()}`, { enableOfflineQueue: false });
    failures.push(await errorOf(hasty.get("k")));
    for (const client of [away, refused, hasty]) client.disconnect();
    await using server = await startRedis();
    const slow = clientOf(server.url, { commandTimeout: 20 });
    const admin = clientOf(server.url);
    await admin.client("PAUSE", 1_000, "ALL");
    failures.push(await errorOf(slow.get("k")));
    const unanswered = errorOf(slow.get("k"));
    const ended = once(slow, "end");
    for (const client of [slow, admin]) client.disconnect();
    await ended;
    failures.push(await unanswered, await errorOf(slow.get("k")));
    for (const error of failures)
      expect([String(error), isRedisFailure(error)]).toEqual([String(error), true]);
  });

  test("a full Redis has failed; a wrong command, and any other error, has another cause", async () => {
    await using server = await startRedis();
    const client = clientOf(server.url);
    const wrong = [
      await errorOf(client.call("NOSUCHCOMMAND")),
      await errorOf(client.eval("return nil + 1", 0)),
    ];
    await client.set("text", "a");
    wrong.push(await errorOf(client.lpush("text", "b")), new TypeError("x is undefined"), "text", undefined);
    wrong.push(new SlipwayError("store-unavailable", "the database cannot be used: it timed out"));
    for (const error of wrong) expect([String(error), isRedisFailure(error)]).toEqual([String(error), false]);
    await client.config("SET", "maxmemory", "1");
    const full = await errorOf(client.set("more", "a"));
    expect([String(full), isRedisFailure(full)]).toEqual([expect.stringContaining("OOM"), true]);
    client.disconnect();
  });
});
