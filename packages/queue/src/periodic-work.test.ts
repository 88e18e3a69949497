import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import { eventually, lacksRedis, startRedis, unexpected } from "@slipway/testkit";
import { startPeriodicWork } from "./periodic-work.ts";

const keys = redisKeys("periodic-work-test");
/** Longer than any test. */
const never = 3_600_000;

describe.skipIf(await lacksRedis())("periodic work", () => {
  let opened: AsyncDisposableStack;
  let redis: Redis;
  let begun: string[];
  let errors: [unknown, string][];

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    const { url } = opened.use(await startRedis());
    redis = opened.adopt(new Redis(url), (client) => client.disconnect());
    begun = [];
    errors = [];
  });
  afterEach(() => opened.disposeAsync());

  const start = (everyMs: Readonly<Record<string, number>>, run: (name: string) => Promise<void>) =>
    opened.use(
      startPeriodicWork({
        redis,
        keys,
        everyMs,
        run: async (name) => {
          begun.push(name);
          await run(name);
        },
        onError: (error, message) => errors.push([error, message]),
      }),
    );
  const times = (name: string) => begun.filter((one) => one === name).length;
  const done = async () => {};

  test("each work is done in its interval, by one of several workers", async () => {
    for (let worker = 0; worker < 5; worker += 1) start({ often: 40, seldom: never }, done);
    await expect.poll(() => times("often")).toBeGreaterThan(3);
    expect(times("seldom")).toBe(1);
    expect(Number(await redis.hget(keys.turns, "seldom"))).toBeGreaterThan(Date.now() + never / 2);
  });

  test("while a worker is busy with a work, another one takes its next turn", async () => {
    const hang = Promise.withResolvers<void>();
    const busy = start({ often: 20 }, () => hang.promise);
    await expect.poll(() => times("often")).toBe(1);
    const other: string[] = [];
    opened.use(
      startPeriodicWork({
        redis,
        keys,
        everyMs: { often: 20 },
        run: async (name) => void other.push(name),
        onError: unexpected,
      }),
    );
    await expect.poll(() => other.length).toBeGreaterThan(2);
    expect(times("often")).toBe(1);
    let isStopped = false;
    const stopping = busy[Symbol.asyncDispose]().then(() => (isStopped = true));
    await redis.ping();
    expect(isStopped).toBe(false);
    hang.resolve();
    await stopping;
  });

  test("work that fails is reported, and done again in the next interval", async () => {
    start({ often: 20 }, async () => {
      throw new Error("no");
    });
    await expect.poll(() => times("often")).toBeGreaterThan(2);
    expect(errors[0]).toEqual([new Error("no"), "maintenance failed: often"]);
  });

  test("work is done after Redis lost its data, and after its clock was put back", async () => {
    start({ often: 20, seldom: 1_000 }, done);
    await expect.poll(() => times("seldom")).toBe(1);
    await redis.flushall();
    await eventually(async () => times("seldom") === 2);
    await redis.hset(keys.turns, "often", Date.now() + never);
    const before = times("often");
    await expect.poll(() => times("often")).toBeGreaterThan(before);
  });

  test("stopping does not wait for a Redis that does not answer", async () => {
    const silent = opened.adopt(new Redis("redis://127.0.0.1:1", { maxRetriesPerRequest: null }), (client) =>
      client.disconnect(),
    );
    silent.on("error", () => undefined);
    const options = { keys, everyMs: { often: 20 }, run: done, onError: unexpected };
    const work = startPeriodicWork({ ...options, redis: silent });
    await expect(work[Symbol.asyncDispose]()).resolves.toBeUndefined();
  });

  test("a failing Redis is reported, and the work is done when it answers again", async () => {
    await redis.set(keys.turns, "not a hash");
    start({ often: 20 }, done);
    await eventually(async () => errors.length > 0);
    expect(errors[0]?.[1]).toBe("cannot take a turn of the maintenance");
    await redis.del(keys.turns);
    await expect.poll(() => times("often")).toBeGreaterThan(0);
  });
});
