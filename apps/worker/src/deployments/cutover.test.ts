import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { redisKeys, routeMessage } from "@slipway/protocol";
import { createLogger } from "@slipway/service";
import { lacksRedis, useRedis } from "@slipway/testkit";
import { awaitCutover } from "./cutover.ts";

const never = new AbortController().signal;

describe.skipIf(await lacksRedis())("the cutover of routers", () => {
  let redis: Redis;
  useRedis((connection) => {
    redis = connection;
  });

  const installation = (drainMs = 60_000) => {
    const keys = redisKeys(randomUUID().slice(0, 8));
    const logged: string[] = [];
    const destination = { write: (line: string) => void logged.push(String(JSON.parse(line).msg)) };
    const logger = createLogger({ name: "worker", level: "warn", destination });
    return { redis, keys, logger, logged, config: { timing: { drainMs } } };
  };
  type Installation = ReturnType<typeof installation>;
  const next = { appId: "app", rolloutId: "rollout" };

  /** Sends a router's heartbeat, `agoMs` in the past. */
  const beatOnce = async ({ keys }: Installation, id: string, agoMs = 0) => {
    const [seconds = 0, micros = 0] = (await redis.time()).map(Number);
    await redis.zadd(keys.routersSeen, seconds * 1_000 + Math.floor(micros / 1_000) - agoMs, id);
  };
  /** Sends heartbeats until the result is disposed. The disposal waits for the last heartbeat. */
  const beat = (context: Installation, ...ids: readonly string[]): AsyncDisposable => {
    let last: Promise<unknown> = Promise.resolve();
    const timer = setInterval(() => {
      last = Promise.all(ids.map((id) => beatOnce(context, id)));
    }, 100);
    return {
      async [Symbol.asyncDispose]() {
        clearInterval(timer);
        await last;
      },
    };
  };
  const confirm = ({ keys }: Installation, id: string) => redis.sadd(keys.routersCutOver(next.rolloutId), id);
  /** Receives the messages to routers. */
  const listen = async ({ keys }: Installation) => {
    const subscriber = redis.duplicate();
    const messages: unknown[] = [];
    subscriber.on("message", (_channel, text: string) => messages.push(routeMessage.parse(JSON.parse(text))));
    await subscriber.subscribe(keys.routesChannel);
    return {
      messages,
      /** Resolves when `count` more messages were received. */
      more: (count: number) => {
        const before = messages.length;
        return expect.poll(() => messages.length).toBeGreaterThanOrEqual(before + count);
      },
      [Symbol.dispose]: () => subscriber.disconnect(),
    };
  };

  test("a cutover without a live router ends at once", async () => {
    const context = installation(1);
    using routers = await listen(context);
    await awaitCutover(context, next, never);
    await beatOnce(context, "dead", 10_000);
    await awaitCutover(context, next, never);
    expect(context.logged).toEqual([]);
    await expect.poll(() => routers.messages.length).toBe(2);
  });

  test("the message of a cutover is published until each router has confirmed", async () => {
    const context = installation();
    using routers = await listen(context);
    await beatOnce(context, "one");
    await beatOnce(context, "two");
    await using _beating = beat(context, "one", "two");
    let isOver = false;
    const work = awaitCutover(context, next, never).finally(() => (isOver = true));
    await routers.more(2);
    expect(routers.messages[0]).toEqual({ appId: "app", switch: { rolloutId: "rollout", drainMs: 60_000 } });
    await confirm(context, "one");
    await routers.more(2);
    expect(isOver).toBe(false);
    await confirm(context, "two");
    await work;
    expect(context.logged).toEqual([]);
  });

  test("a cutover does not wait for a router whose heartbeats end", async () => {
    const context = installation();
    using routers = await listen(context);
    await beatOnce(context, "frozen");
    const work = awaitCutover(context, next, never);
    {
      await using _beating = beat(context, "frozen");
      await routers.more(2);
    }
    await work;
    expect(context.logged).toEqual([]);
    expect(await redis.scard(context.keys.routersCutOver(next.rolloutId))).toBe(0);
  });

  test("a cutover that a live router does not confirm in time continues, with a warning", async () => {
    const context = installation(1);
    await beatOnce(context, "stubborn");
    await using _beating = beat(context, "stubborn");
    await awaitCutover(context, next, never);
    expect(context.logged).toEqual([
      "not every router has confirmed the cutover in time; continuing without",
    ]);
  });

  test("an aborted cutover rejects with the signal's reason", async () => {
    const context = installation();
    using routers = await listen(context);
    await beatOnce(context, "one");
    await using _beating = beat(context, "one");
    const stop = new AbortController();
    const work = awaitCutover(context, next, stop.signal);
    await Promise.all([
      expect(work).rejects.toThrow("requeued"),
      routers.more(2).then(() => stop.abort(new Error("requeued"))),
    ]);
    await expect(awaitCutover(context, next, stop.signal)).rejects.toThrow("requeued");
  });
});
