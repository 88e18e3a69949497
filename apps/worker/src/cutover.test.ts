import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisKeys, routeMessage } from "@slipway/protocol";
import { createLogger } from "@slipway/service";
import { lacksRedis, startRedis } from "@slipway/testkit";
import type { TestRedis } from "@slipway/testkit";
import { awaitCutover } from "./cutover.ts";

const never = new AbortController().signal;

describe.skipIf(await lacksRedis())("switching the routers", () => {
  let server: TestRedis;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url, { maxRetriesPerRequest: null });
  });
  afterAll(async () => {
    redis.disconnect();
    await server[Symbol.asyncDispose]();
  });

  const installation = (drainMs = 60_000) => {
    const keys = redisKeys(randomUUID().slice(0, 8));
    const logger = createLogger({ name: "worker", level: "silent" });
    return { redis, keys, logger, config: { DRAIN_MS: drainMs } };
  };
  type Place = ReturnType<typeof installation>;
  const next = { appId: "app", rolloutId: "rollout" };

  /** Shows a router, as one does; `ago` is how long it has been silent. */
  const show = async ({ keys }: Place, id: string, ago = 0) => {
    const [seconds = 0, micros = 0] = (await redis.time()).map(Number);
    await redis.zadd(keys.routersSeen, seconds * 1_000 + Math.floor(micros / 1_000) - ago, id);
  };
  /** The routers live on, however slow the machine is. */
  const beat = (place: Place, ...ids: readonly string[]): Disposable => {
    const timer = setInterval(() => void Promise.all(ids.map((id) => show(place, id))), 100);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  };
  const confirm = ({ keys }: Place, id: string) => redis.sadd(keys.routersCutOver(next.rolloutId), id);
  const outcome = (work: Promise<void>) => {
    const seen = { over: false };
    void work.finally(() => (seen.over = true)).catch(() => undefined);
    return seen;
  };

  test("waits for nobody where no router is, or a dead one", async () => {
    const place = installation();
    await awaitCutover(place, next, never);
    await show(place, "dead", 10_000);
    await awaitCutover(place, next, never);
    expect(await redis.zcard(place.keys.routersSeen)).toBe(1);
  });

  test("asks until each router has confirmed", async () => {
    const place = installation();
    const heard: unknown[] = [];
    const subscriber = redis.duplicate();
    subscriber.on("message", (_channel, text: string) => heard.push(routeMessage.parse(JSON.parse(text))));
    await subscriber.subscribe(place.keys.routesChannel);
    await show(place, "one");
    await show(place, "two");
    using _beating = beat(place, "one", "two");
    const work = awaitCutover(place, next, never);
    const seen = outcome(work);
    await expect.poll(() => heard.length).toBeGreaterThan(1);
    expect(heard[0]).toEqual({ appId: "app", switch: { rolloutId: "rollout", drainMs: 60_000 } });
    await confirm(place, "one");
    const heardByThen = heard.length;
    await expect.poll(() => heard.length).toBeGreaterThan(heardByThen + 1);
    expect(seen.over).toBe(false);
    await confirm(place, "two");
    await work;
    subscriber.disconnect();
  });

  test("a router that falls silent is not waited for", async () => {
    const place = installation();
    await show(place, "frozen", 3_500);
    const work = awaitCutover(place, next, never);
    expect(outcome(work).over).toBe(false);
    await work;
    expect(await redis.scard(place.keys.routersCutOver(next.rolloutId))).toBe(0);
  });

  test("goes on when a router that lives does not confirm in time", async () => {
    const place = installation(1);
    await show(place, "stubborn");
    using _beating = beat(place, "stubborn");
    await awaitCutover(place, next, never);
    expect(await redis.scard(place.keys.routersCutOver(next.rolloutId))).toBe(0);
  });

  test("ends with the signal's reason", async () => {
    const place = installation();
    await show(place, "one");
    const stop = new AbortController();
    const work = awaitCutover(place, next, stop.signal);
    stop.abort(new Error("handed back"));
    await expect(work).rejects.toThrow("handed back");
    await expect(awaitCutover(place, next, stop.signal)).rejects.toThrow("handed back");
  });
});
