import { createHash, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { claim, queuedDeployment } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import { appMessage, redisKeys } from "@slipway/protocol";
import type { LogMessage } from "@slipway/protocol";
import { openMetrics } from "@slipway/telemetry";
import { aNewDeployment, lacksRedis, scrapeMetrics, testTime, useRedis } from "@slipway/testkit";
import type { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { readLog } from "./read-log.ts";
import { openLossyRedis } from "../test-support/lossy-redis.ts";
import { quietRedis, startDurableRedis } from "../test-support/durable-redis.ts";
import { MemoryStore } from "../test-support/memory-store.ts";
import { openLogWriter } from "./writer.ts";
import type { LogWriter, LogWriterOptions } from "./writer.ts";

const keys = redisKeys("test");
const small = { batchLines: 7, chunkDelayMs: 5, chunkChars: 200, outageMs: 20_000 };

describe.skipIf(await lacksRedis())("the log writer", () => {
  let redis: Redis;
  let redisUrl: string;
  useRedis((connection, url) => {
    [redis, redisUrl] = [connection, url];
  });

  test("a log writer numbers, masks, publishes and stores every line, and returns the log's summary", async () => {
    const { store, deployment } = newDeployment();
    await using published = await listen(redis, deployment);
    await using log = await openWriter(redis, store, deployment, {
      secrets: [{ variable: "API_KEY", text: "correct-horse" }],
    });
    log.line("-----> Building");
    const lines = Array.from({ length: 500 }, (_, index) => `line ${index} correct-horse`);
    for (const line of lines) await log.write(Buffer.from(`${line}\n`));
    await log.write(Buffer.from("unfinished"));
    expect(log.lastSeq).toBe(501);
    const expected = [
      "-----> Building",
      ...lines.map((line) => line.replace("correct-horse", "[masked]")),
      "unfinished",
      "       1 value of a secret variable was hidden in this log: API_KEY",
    ];
    expect(await log.end()).toEqual({ lineCount: 503, sha256: sha256(expected) });
    expect(store.lines(deployment.id)).toEqual(expected);
    expect(await published.lines(503)).toEqual(expected);
    // A log that has not ended is kept for a day.
    for (const key of [keys.logTail(deployment.id), keys.logHead(deployment.id)]) {
      expect(await redis.ttl(key)).toBeGreaterThan(0);
      expect(await redis.ttl(key)).toBeLessThanOrEqual(900);
    }
  });

  test("a line is sent at once, and the lines after it together when Redis has acknowledged it", async () => {
    const { store, deployment } = newDeployment();
    await using log = await openWriter(redis, store, deployment, { limits: { batchLines: 100 } });
    const tail = keys.logTail(deployment.id);
    log.line("first");
    // Uses the same connection, so Redis handles this call after the writer's calls so far.
    const sent = redis.xrange(tail, "-", "+");
    for (const text of ["second", "third", "fourth"]) log.line(text);
    expect(idsOf(await sent)).toEqual(["1-1"]);
    await log.flush();
    expect(idsOf(await redis.xrange(tail, "-", "+"))).toEqual(["1-1", "2-3"]);
  });

  test("each batch records how long its publication took", async () => {
    const address = { host: "127.0.0.1", port: 0 };
    const options = { process: "worker", instance: "worker-1", address } as const;
    await using metrics = await openMetrics({ ...options, onError: () => undefined });
    const { store, deployment } = newDeployment();
    let seconds = 0;
    const now = () => new Date((seconds += 2) * 1_000);
    await using log = await openWriter(redis, store, deployment, { now });
    log.line("one");
    await log.end();
    const { value } = await scrapeMetrics(metrics.url ?? "");
    expect(value("slipway_log_lag_seconds_sum")).toBe(2);
  });

  test("an empty log has no lines and the hash of empty input", async () => {
    const { store, deployment } = newDeployment();
    await using log = await openWriter(redis, store, deployment);
    expect(await log.end()).toEqual({ lineCount: 0, sha256: sha256([]) });
  });

  test("a line of Slipway's own ends an unfinished line of output", async () => {
    const { store, deployment } = newDeployment();
    await using log = await openWriter(redis, store, deployment);
    await log.write(Buffer.from("half"));
    log.line("-----> Next");
    await log.write(Buffer.from("of it\n"));
    await log.end();
    expect(store.lines(deployment.id)).toEqual(["half", "-----> Next", "of it"]);
  });

  test("nothing can be written after the end", async () => {
    const { store, deployment } = newDeployment();
    await using log = await openWriter(redis, store, deployment);
    await log.end();
    await expect(log.write(Buffer.from("late\n"))).rejects.toMatchObject({ code: "conflict" });
    log.line("late");
    expect(log.lastSeq).toBe(0);
  });

  test("nothing can be written once the writer is closed", async () => {
    const { store, deployment } = newDeployment();
    const log = await openWriter(redis, store, deployment);
    await log[Symbol.asyncDispose]();
    await expect(log.write(Buffer.from("late\n"))).rejects.toMatchObject({ code: "requeued" });
  });

  test("the log of a deployment that does not exist cannot be opened", async () => {
    const { deployment } = newDeployment();
    await expect(openWriter(redis, new MemoryStore(), deployment)).rejects.toMatchObject({
      code: "not-found",
    });
  });

  test("the store has lines without a flush once a chunk is full", async () => {
    const { store, deployment } = newDeployment();
    await using log = await openWriter(redis, store, deployment, { limits: { chunkDelayMs: 60_000 } });
    const lines = Array.from({ length: 60 }, (_, index) => `line ${index}`);
    for (const line of lines) log.line(line);
    await expect.poll(() => store.lines(deployment.id).length).toBeGreaterThan(0);
  });

  test("an abandoned attempt stores the published lines, unless a newer attempt owns the deployment", async () => {
    const { store, deployment } = newDeployment();
    await using log = await openWriter(redis, store, deployment, {
      limits: { chunkDelayMs: 60_000, chunkChars: 10_000 },
    });
    log.line("one");
    await untilTail(redis, deployment, 1);
    await log.storePublished();
    expect(store.lines(deployment.id)).toEqual(["one"]);
    claimed(store, deployment, 2);
    await expect(log.storePublished()).rejects.toMatchObject({ code: "lease-lost" });
  });

  test("a newer attempt continues after the last line, and the older one can no longer write", async () => {
    const { store, deployment } = newDeployment();
    await using first = await openWriter(redis, store, deployment);
    first.line("one");
    await first.flush();
    await using second = await openWriter(redis, store, claimed(store, deployment, 2));
    second.line("two");
    first.line("never");
    await expect(first.flush()).rejects.toMatchObject({ code: "lease-lost" });
    expect(first.signal.aborted).toBe(true);
    await expect(first.write(Buffer.from("nor this\n"))).rejects.toMatchObject({ code: "lease-lost" });
    expect(await second.end()).toEqual({ lineCount: 2, sha256: sha256(["one", "two"]) });
    expect(store.lines(deployment.id)).toEqual(["one", "two"]);
  });

  test("an older attempt cannot open the log, even when only the store has the newer attempt", async () => {
    const { store, deployment } = newDeployment();
    await using newer = await openWriter(redis, store, claimed(store, deployment, 3));
    await newer.flush();
    const older = { ...deployment, attempt: 2 };
    await expect(openWriter(redis, store, older)).rejects.toMatchObject({ code: "lease-lost" });
    await redis.del(keys.logHead(deployment.id));
    await expect(openWriter(redis, store, older)).rejects.toMatchObject({ code: "lease-lost" });
  });

  test("lines that a dead worker published and did not store are stored by the next attempt", async () => {
    const { store, deployment } = newDeployment();
    const dead = await openWriter(redis, store, deployment, {
      limits: { chunkDelayMs: 60_000, chunkChars: 10_000 },
    });
    const lines = Array.from({ length: 60 }, (_, index) => `line ${index}`);
    for (const line of lines) dead.line(line);
    await untilTail(redis, deployment, 60);
    expect(store.lines(deployment.id)).toEqual([]);
    await using next = await openWriter(redis, store, claimed(store, deployment, 2));
    expect(next.lastSeq).toBe(60);
    expect(store.lines(deployment.id)).toEqual(lines);
    next.line("next");
    expect(await next.end()).toEqual({ lineCount: 61, sha256: sha256([...lines, "next"]) });
    await dead[Symbol.asyncDispose]();
  });

  test("an attempt continues after the stored lines when Redis loses the log before its first line", async () => {
    const { store, deployment } = newDeployment();
    await using first = await openWriter(redis, store, deployment);
    first.line("one");
    await first.flush();
    await using next = await openWriter(redis, store, claimed(store, deployment, 2));
    await redis.del(keys.logHead(deployment.id), keys.logTail(deployment.id));
    next.line("two");
    expect(await next.end()).toEqual({ lineCount: 2, sha256: sha256(["one", "two"]) });
  });

  test("lines lost by both Redis and the store keep their numbers", async () => {
    const { store, deployment } = newDeployment();
    await using first = await openWriter(redis, store, deployment);
    for (let line = 1; line <= 20; line += 1) first.line(`line ${line}`);
    await first.flush();
    store.chunks.length = 0;
    await redis.xtrim(keys.logTail(deployment.id), "MAXLEN", 1);
    await using next = await openWriter(redis, store, claimed(store, deployment, 2));
    next.line("next");
    const { lineCount } = await next.end();
    expect(lineCount).toBe(21);
    expect(store.lines(deployment.id)).toHaveLength(21);
    expect(store.lines(deployment.id)[0]).toContain("lost");
  });

  test("the tail is trimmed after lines were stored, and concurrent readers miss no line", async () => {
    const { store, deployment } = newDeployment();
    await using log = await openWriter(redis, store, deployment);
    const reading = readRepeatedly(redis, store, deployment.id, 3_000);
    for (let line = 1; line <= 3_000; line += 1) {
      await log.write(Buffer.from(`line ${line}\n`));
      if (line % 50 === 0) await delay(1);
    }
    await log.end();
    expect(await reading).toBe("complete");
    expect(await redis.xlen(keys.logTail(deployment.id))).toBeLessThan(3_000 / 7 / 2);
  });

  test("output beyond the size limit is omitted, and Slipway's own lines are kept", async () => {
    const { store, deployment } = newDeployment();
    await using log = await openWriter(redis, store, deployment, { limits: { outputBytes: 30 } });
    log.line("-----> Building");
    await log.write(Buffer.from("nine char\nten chärs\n"));
    await log.write(Buffer.from("nine more\nunfinished"));
    await log.write(Buffer.from(" and more\n"));
    log.line("-----> Pushing");
    await log.write(Buffer.from("a hook's output\n"));
    log.line("-----> Done");
    await log.write(Buffer.from("the end"));
    const expected = [
      "-----> Building",
      "nine char",
      "ten chärs",
      " !     The output exceeds the size limit of the log: the rest is omitted",
      "-----> Pushing",
      "-----> Done",
    ];
    expect(await log.end()).toEqual({ lineCount: 6, sha256: sha256(expected) });
    expect(store.lines(deployment.id)).toEqual(expected);
  });

  test("the size limit counts what earlier attempts wrote, and each attempt says that it omits output", async () => {
    const { store, deployment } = newDeployment();
    const limits = { outputBytes: 30 };
    await using first = await openWriter(redis, store, deployment, { limits });
    await first.write(Buffer.from("nine char\n"));
    await first.flush();
    await using second = await openWriter(redis, store, claimed(store, deployment, 2), { limits });
    await second.write(Buffer.from("ten chars.\nten chars?\n"));
    await second.flush();
    await using third = await openWriter(redis, store, claimed(store, deployment, 3), { limits });
    await third.write(Buffer.from("more\n"));
    third.line("-----> Done");
    const notice = " !     The output exceeds the size limit of the log: the rest is omitted";
    const expected = ["nine char", "ten chars.", notice, notice, "-----> Done"];
    expect(await third.end()).toEqual({ lineCount: 5, sha256: sha256(expected) });
    expect(store.lines(deployment.id)).toEqual(expected);
  });

  test("a producer receives backpressure each time the store is unavailable, and no line is lost", async () => {
    const { store, deployment } = newDeployment();
    await using log = await openWriter(redis, store, deployment, { limits: { unstoredChars: 2_000 } });
    let written = 0;
    for (const maxWritten of [1_000, 2_000]) {
      store.unavailable = true;
      let backpressure: Promise<void> | undefined;
      while (backpressure === undefined && written < maxWritten) {
        written += 1;
        backpressure = log.write(Buffer.from(`line ${written}\n`)) ?? undefined;
      }
      expect(written).toBeLessThan(maxWritten);
      const first = await Promise.race([
        backpressure?.then(() => "resolved"),
        store.called().then(() => "still waiting"),
      ]);
      expect(first).toBe("still waiting");
      store.unavailable = false;
      await backpressure;
    }
    expect(await log.end()).toMatchObject({ lineCount: written });
    expect(store.lines(deployment.id)).toHaveLength(written);
  });

  test("a store that stays unavailable fails the attempt", async () => {
    const { store, deployment } = newDeployment();
    await using log = await openWriter(redis, store, deployment, { limits: { outageMs: 200 } });
    store.unavailable = true;
    log.line("one");
    await expect(log.end()).rejects.toMatchObject({ code: "store-unavailable" });
  });

  test("a store that stays unavailable fails the producer that awaits it", async () => {
    const { store, deployment } = newDeployment();
    await using log = await openWriter(redis, store, deployment, {
      limits: { outageMs: 200, unstoredChars: 10 },
    });
    store.unavailable = true;
    const written = log.write(Buffer.from("more than ten characters\n"));
    await expect(written).rejects.toMatchObject({ code: "store-unavailable" });
  });

  test("a Redis that stays unavailable fails the attempt", async () => {
    await using durable = await startDurableRedis();
    await using connection = quietRedis(durable.url);
    const { store, deployment } = newDeployment();
    await using log = await openWriter(connection, store, deployment, { limits: { outageMs: 200 } });
    await durable.kill();
    log.line("one");
    await expect(log.end()).rejects.toMatchObject({ code: "queue-unavailable" });
  });

  test("no line is lost when Redis loses its data during a log", async () => {
    const { store, deployment } = newDeployment();
    await using log = await openWriter(redis, store, deployment);
    const lines = Array.from({ length: 2_000 }, (_, index) => `line ${index}`);
    for (const [index, line] of lines.entries()) {
      await log.write(Buffer.from(`${line}\n`));
      if (index % 400 === 200) await redis.flushall();
      if (index % 20 === 0) await delay(1);
    }
    expect(await log.end()).toEqual({ lineCount: 2_000, sha256: sha256(lines) });
    expect(store.lines(deployment.id)).toEqual(lines);
    expect(Number(await redis.hget(keys.logHead(deployment.id), "lastSeq"))).toBe(2_000);
  });

  test.each([
    { empty: false, retries: null },
    { empty: true, retries: null },
    { empty: false, retries: 1 },
  ])("no line is lost when Redis is killed and restarted (%o)", async ({ empty, retries }) => {
    await using durable = await startDurableRedis();
    await using connection = quietRedis(durable.url, retries);
    const { store, deployment } = newDeployment();
    await using log = await openWriter(connection, store, deployment);
    const lines = Array.from({ length: 1_500 }, (_, index) => `line ${index}`);
    for (const [index, line] of lines.entries()) {
      await log.write(Buffer.from(`${line}\n`));
      if (index === 700) await durable.kill();
      if (index === 900) await durable.start({ empty });
      if (index % 20 === 0) await delay(1);
    }
    expect(await log.end()).toEqual({ lineCount: 1_500, sha256: sha256(lines) });
    expect(store.lines(deployment.id)).toEqual(lines);
  });

  test("a batch sent twice is published once", async () => {
    const { store, deployment } = newDeployment();
    await using published = await listen(redis, deployment);
    await using lossy = await openLossyRedis(redisUrl);
    await using connection = quietRedis(lossy.url);
    await using log = await openWriter(connection, store, deployment);
    const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index}`);
    for (const [index, line] of lines.entries()) {
      const isLost = index % 100 === 50;
      // With no call in flight, the next reply is for the batch with this line.
      if (isLost) await log.flush();
      const lost = isLost ? lossy.loseReply() : undefined;
      await log.write(Buffer.from(`${line}\n`));
      await lost;
    }
    await log.end();
    expect(await published.lines(1_000)).toEqual(lines);
    expect(store.lines(deployment.id)).toEqual(lines);
  });
});

function newDeployment(): { store: MemoryStore; deployment: Deployment } {
  const store = new MemoryStore();
  return { store, deployment: claimed(store, queuedDeployment(aNewDeployment({ id: randomUUID() }), 1), 1) };
}

function claimed(store: MemoryStore, deployment: Deployment, attempt: number): Deployment {
  return store.put(claim(deployment, attempt, { at: testTime, lineCount: 0 }));
}

function openWriter(
  redis: Redis,
  store: MemoryStore,
  { appId, id, attempt }: Deployment,
  options: Partial<LogWriterOptions> = {},
): Promise<LogWriter> {
  const limits = { ...small, ...options.limits };
  const context = { bus: { redis, keys }, store, appId, deploymentId: id, attempt, now: () => testTime };
  return openLogWriter({ secrets: [], ...context, ...options, limits });
}

function sha256(lines: readonly string[]): string {
  return createHash("sha256")
    .update(lines.map((line) => `${line}\n`).join(""))
    .digest("hex");
}

/** Collects the log messages published for a deployment. */
async function listen(redis: Redis, { appId, id }: Deployment) {
  const subscriber = redis.duplicate();
  const messages: LogMessage[] = [];
  subscriber.on("message", (_channel: string, json: string) => {
    const message = appMessage.parse(JSON.parse(json));
    if (message.type === "log" && message.deploymentId === id) messages.push(message);
  });
  await subscriber.subscribe(keys.appChannel(appId));
  return {
    /** Resolves to all published lines when there are `lastSeq` of them. */
    lines: async (lastSeq: number): Promise<string[]> => {
      while (linesOf(messages).length < lastSeq) await delay(5);
      return linesOf(messages);
    },
    [Symbol.asyncDispose]: async () => {
      subscriber.disconnect();
      await Promise.resolve();
    },
  };
}

function linesOf(messages: readonly LogMessage[]): string[] {
  return messages.flatMap((message) => message.text.split("\n"));
}

async function untilTail(redis: Redis, { id }: Deployment, lastSeq: number): Promise<void> {
  while (Number(await redis.hget(keys.logHead(id), "lastSeq")) < lastSeq) await delay(2);
}

/** Reads a growing log repeatedly until its last line. @returns "complete", or a description of the first wrong line. */
async function readRepeatedly(
  redis: Redis,
  store: MemoryStore,
  deploymentId: string,
  lastSeq: number,
): Promise<string> {
  for (let next = 1; next <= lastSeq;) {
    let expected = next;
    for await (const batch of readLog({
      bus: { redis, keys },
      logs: store.logs,
      deploymentId,
      fromSeq: next,
    })) {
      if (batch.firstSeq !== expected) return `received line ${batch.firstSeq} instead of ${expected}`;
      for (const line of batch.text.split("\n")) {
        if (line !== `line ${expected}`) return `line ${expected} was "${line}"`;
        expected += 1;
      }
    }
    // Repeats the last lines, so that reads also begin within batches.
    next = expected > lastSeq ? expected : Math.max(1, expected - 3);
    await delay(1);
  }
  return "complete";
}

function idsOf(entries: readonly [id: string, fields: string[]][]): readonly string[] {
  return entries.map(([id]) => id);
}
