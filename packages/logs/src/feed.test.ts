import { setTimeout as delay } from "node:timers/promises";
import { changeStatus, claim, queuedDeployment, sealLog } from "@slipway/core";
import { aLogChunk, aNewDeployment, lacksRedis, testTime, useRedis } from "@slipway/testkit";
import type { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { recentMs } from "./feed.ts";
import type { FollowEvent } from "./feed.ts";
import { deploymentEvents } from "./deployment-events.ts";
import type { LineBatch } from "./tail.ts";
import { quietRedis, startDurableRedis } from "../test-support/durable-redis.ts";
import { keys, RecordingFollower, Run } from "../test-support/run.ts";

describe.skipIf(await lacksRedis())("the feed of an app's deployments", () => {
  let redis: Redis;
  useRedis((connection) => {
    redis = connection;
  });

  test("a follower replays statuses and lines in order, continues live, and ends with the final status", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    await run.start();
    run.log.line("one");
    run.log.line("two");
    await run.change("pushing");
    run.log.line("three");
    const following = new RecordingFollower(feed, run.appId);
    await following.count(6);
    run.log.line("four");
    await run.change("starting");
    await run.finish("success");
    await following.until("success");
    expect(following.events).toEqual([
      "queued",
      "building",
      "one",
      "two",
      "pushing",
      "three",
      "four",
      "starting",
      "success",
    ]);
    expect(following.follower.unfinished).toBe(false);
  });

  test("followers that start at any time receive each line of a fast writer once and in order", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    await run.start();
    const followers: RecordingFollower[] = [];
    for (let line = 1; line <= 5_000; line += 1) {
      await run.log.write(Buffer.from(`${line}\n`));
      if (line % 250 === 0)
        followers.push(new RecordingFollower(feed, run.appId, { slow: line % 500 === 0 }));
      if (line % 100 === 0) await delay(1);
    }
    await run.change("pushing");
    await run.finish("build-error", "pushing");
    const expected = ["queued", "building", ...numbers(5_000), "pushing", "aborted"];
    for (const follower of followers) {
      await follower.until("aborted");
      expect(follower.events).toEqual(expected);
    }
  });

  test("50 followers that replay a log at once share its reads and its batches", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    await run.start();
    for (let line = 1; line <= 5_000; line += 1) await run.log.write(Buffer.from(`${line}\n`));
    await run.finish("build-error");
    const batches = new Set<LineBatch>();
    let events = 0;
    const note = async (event: FollowEvent) => {
      if (event.type === "log") batches.add(event.batch);
      if (event.type === "log") events += 1;
    };
    const followers = Array.from(
      { length: 50 },
      () => new RecordingFollower(feed, run.appId, { pause: note }),
    );
    for (const follower of followers) await follower.until("build-error");
    for (const { events: received } of followers)
      expect(received).toEqual(["queued", "building", ...numbers(5_000), "build-error"]);
    expect(run.store.logReads).toBeLessThanOrEqual(run.store.chunks.length);
    expect(batches.size).toBe(events / followers.length);
  });

  test("a slow follower buffers no events, and receives all of them when it continues", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    await run.start();
    const gate = Promise.withResolvers<void>();
    let sends = 0;
    const following = new RecordingFollower(feed, run.appId, {
      pause: () => {
        sends += 1;
        return sends === 5 ? gate.promise : undefined;
      },
    });
    await following.count(2);
    for (let line = 1; line <= 3_000; line += 1) await run.log.write(Buffer.from(`${line}\n`));
    await run.log.flush();
    const other = new RecordingFollower(feed, run.appId);
    await other.until("3000");
    expect(sends).toBe(5);
    await run.finish("build-error");
    gate.resolve();
    await following.until("build-error");
    expect(following.events).toEqual(["queued", "building", ...numbers(3_000), "build-error"]);
  });

  test("a follower that has not consumed a status is sent no further one", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    await run.start();
    await run.change("pushing");
    const gate = Promise.withResolvers<void>();
    const following = new RecordingFollower(feed, run.appId, { pause: () => gate.promise });
    const other = new RecordingFollower(feed, run.appId);
    await other.until("pushing");
    expect(following.events).toEqual(["queued"]);
    gate.resolve();
    await following.until("pushing");
    expect(following.events).toEqual(["queued", "building", "pushing"]);
  });

  test("a slow follower receives all events of a deployment that is no longer listed", async () => {
    const run = new Run(redis);
    let now = testTime;
    await using feed = run.feed(10, () => now);
    await run.start();
    const gate = Promise.withResolvers<void>();
    const following = new RecordingFollower(feed, run.appId, {
      pause: (event) => (event.type === "log" ? gate.promise : undefined),
    });
    await following.count(2);
    for (let line = 1; line <= 2_000; line += 1) await run.log.write(Buffer.from(`${line}\n`));
    await run.finish("build-error");
    const quick = new RecordingFollower(feed, run.appId);
    await quick.until("build-error");
    now = new Date(testTime.getTime() + 2 * recentMs);
    const isListed = async () => {
      const { follower, events } = new RecordingFollower(feed, run.appId);
      while (follower.unfinished) await delay(5);
      return events.length > 0;
    };
    while (await isListed()) await delay(5);
    gate.resolve();
    await following.until("build-error");
    expect(following.events).toEqual(["queued", "building", ...numbers(2_000), "build-error"]);
  });

  test("a slow follower and a late one receive the final status after the lines", async () => {
    const run = new Run(redis);
    let now = testTime;
    await using feed = run.feed(10, () => now);
    await run.start();
    const gate = Promise.withResolvers<void>();
    const slow = new RecordingFollower(feed, run.appId, {
      pause: (event) => (event.type === "log" ? gate.promise : undefined),
    });
    await slow.count(2);
    for (let line = 1; line <= 2_000; line += 1) await run.log.write(Buffer.from(`${line}\n`));
    await run.finish("build-error");
    const quick = new RecordingFollower(feed, run.appId);
    await quick.until("build-error");
    now = new Date(testTime.getTime() + 60_000);
    const late = new RecordingFollower(feed, run.appId);
    await late.until("build-error");
    gate.resolve();
    await slow.until("build-error");
    const expected = ["queued", "building", ...numbers(2_000), "build-error"];
    for (const { events } of [quick, late, slow]) expect(events).toEqual(expected);
  });

  test("the final status is sent without lost lines after a timeout", async () => {
    const run = new Run(redis);
    let now = testTime;
    await using feed = run.feed(10, () => now);
    await run.start();
    run.log.line("one");
    await run.change("pushing");
    const sealed = await run.log.end();
    const lost = { lineCount: 3, facts: { logLineCount: 3, logSha256: sealed.sha256 } };
    await run.put(changeStatus(run.deployment, "aborted", { at: testTime, ...lost }));
    const following = new RecordingFollower(feed, run.appId);
    await following.until("pushing");
    while (!following.events.includes("aborted")) {
      now = new Date(now.getTime() + 10_000);
      await delay(5);
    }
    expect(following.events).toEqual(["queued", "building", "one", "pushing", "aborted"]);
  });

  test("a stored chunk of many lines is sent in parts, at the consumer's pace", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    await run.create();
    const [deploymentId, lineCount] = [run.deployment.id, 100_000];
    const lines = Array<string>(lineCount).fill("");
    await run.store.logs.append(aLogChunk({ deploymentId, lines }));
    const building = claim(run.deployment, 1, { at: testTime, lineCount: 0 });
    const facts = { logLineCount: lineCount, logSha256: "0" };
    await run.put(changeStatus(building, "build-error", { at: testTime, lineCount, facts }));
    const gate = Promise.withResolvers<void>();
    const parts: number[] = [];
    const following = new RecordingFollower(feed, run.appId, {
      pause: (event) => {
        if (event.type !== "log") return undefined;
        parts.push(event.batch.lineCount);
        return parts.length === 3 ? gate.promise : undefined;
      },
    });
    while (parts.length < 3) await delay(5);
    expect(following.events).toHaveLength(2 + 3 * 500);
    gate.resolve();
    await following.until("build-error");
    expect(following.events).toEqual(["queued", "building", ...lines, "build-error"]);
    expect(Math.max(...parts)).toBe(500);
  });

  test("a deployment created later is announced first", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    // Deployments created after the follower received this one's status are sent as "new".
    run.store.put(queuedDeployment(aNewDeployment({ appId: run.appId }), 1));
    const following = new RecordingFollower(feed, run.appId);
    await following.until("queued");
    await run.create();
    await deploymentEvents({ redis, keys }).created(run.deployment);
    await run.start();
    run.log.line("hello");
    await run.finish("build-error");
    await following.until("build-error");
    expect(following.events).toEqual(["queued", "new", "queued", "building", "hello", "build-error"]);
  });

  test("a second attempt sends building again and continues the lines", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    await run.start();
    const following = new RecordingFollower(feed, run.appId);
    run.log.line("one");
    await run.log.flush();
    await run.start();
    run.log.line("two");
    await run.finish("build-error");
    await following.until("build-error");
    expect(following.events).toEqual(["queued", "building", "one", "building", "two", "build-error"]);
  });

  test("an abort by the API is sent after the last line, when the worker has sealed the log", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    await run.start();
    const following = new RecordingFollower(feed, run.appId);
    run.log.line("one");
    await run.put(changeStatus(run.deployment, "aborted", { at: testTime, lineCount: null }));
    run.log.line("aborting");
    await following.until("aborting");
    expect(following.events).not.toContain("aborted");
    await run.put(sealLog(run.deployment, await run.log.end()));
    await following.until("aborted");
    expect(following.events).toEqual(["queued", "building", "one", "aborting", "aborted"]);
  });

  test("an abort before the first attempt is sent at once", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    await run.create();
    const following = new RecordingFollower(feed, run.appId);
    await run.put(changeStatus(run.deployment, "aborted", { at: testTime, lineCount: 0 }));
    await following.until("aborted");
    expect(following.events).toEqual(["queued", "aborted"]);
  });

  test("resyncs deliver all events when every message is lost", async () => {
    const run = new Run(redis, { losesMessages: true });
    await using feed = run.feed(20);
    const following = new RecordingFollower(feed, run.appId);
    await run.start();
    run.log.line("one");
    await run.log.flush();
    await following.until("one");
    await run.finish("build-error");
    await following.until("build-error");
    expect(following.events.filter((event) => event !== "new")).toEqual([
      "queued",
      "building",
      "one",
      "build-error",
    ]);
  });

  test("a follower continues after outages of Redis and the store", async () => {
    await using durable = await startDurableRedis();
    await using connection = quietRedis(durable.url);
    const run = new Run(connection);
    await using feed = run.feed(50);
    await run.start();
    const following = new RecordingFollower(feed, run.appId);
    for (let line = 1; line <= 1_000; line += 1) {
      await run.log.write(Buffer.from(`${line}\n`));
      if (line === 300) await durable.kill();
      if (line === 400) await durable.start();
      if (line === 600) run.store.unavailable = true;
      if (line === 700) run.store.unavailable = false;
      if (line % 10 === 0) await delay(1);
    }
    await run.finish("build-error");
    await following.until("build-error");
    expect(following.events).toEqual(["queued", "building", ...numbers(1_000), "build-error"]);
  });

  test("a line is sent after the status before it, also if the first reading of that status failed", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    await run.start();
    const following = new RecordingFollower(feed, run.appId);
    await following.until("building");
    const read = run.store.called();
    run.store.unavailable = true;
    await run.change("pushing");
    await read;
    run.store.unavailable = false;
    run.log.line("two");
    await following.until("two");
    expect(following.events).toEqual(["queued", "building", "pushing", "two"]);
  });

  test("a deployment whose log cannot be read does not block the others of its app", async () => {
    const run = new Run(redis);
    const ended = queuedDeployment(aNewDeployment({ appId: run.appId }), 1);
    const aborted = changeStatus(ended, "aborted", { at: testTime, lineCount: null });
    run.store.put(sealLog(aborted, { lineCount: 3, sha256: "" }));
    const { logs } = run.store;
    const read = logs.read.bind(logs);
    logs.read = (id, ...rest) =>
      id === ended.id ? Promise.reject(new Error("the chunk is damaged")) : read(id, ...rest);
    await using feed = run.feed();
    await run.start();
    const following = new RecordingFollower(feed, run.appId);
    run.log.line("one");
    await run.finish("build-error");
    await following.until("build-error");
    expect(following.events.slice(-4)).toEqual(["queued", "building", "one", "build-error"]);
  });

  test("a follower whose consumer fails is closed, and the others continue", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    await run.start();
    const failures: unknown[] = [];
    const failing = feed.follow(run.appId, {
      send: () => {
        throw new Error("the socket is gone");
      },
      onFailure: (error) => failures.push(error),
    });
    const following = new RecordingFollower(feed, run.appId);
    await run.finish("build-error");
    await following.until("build-error");
    expect(failing.closed).toBe(true);
    expect(failures).toHaveLength(1);
  });

  test("the feed unsubscribes from an app's channel after its last follower, and subscribes again for the next", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    await run.start();
    const channel = keys.appChannel(run.appId);
    const first = new RecordingFollower(feed, run.appId);
    await first.count(2);
    first.follower.close();
    while (await subscribers(redis, channel)) await delay(2);
    const second = new RecordingFollower(feed, run.appId);
    await second.count(2);
    expect(await subscribers(redis, channel)).toBe(1);
    run.log.line("one");
    await second.until("one");
    expect(first.events).toEqual(["queued", "building"]);
  });

  test("a single deployment is followed from the given line and status to its end", async () => {
    const run = new Run(redis);
    await using feed = run.feed();
    await run.start();
    run.log.line("one");
    run.log.line("two");
    await run.change("pushing");
    run.log.line("three");
    await run.log.flush();
    const deploymentId = run.deployment.id;
    const resumed = new RecordingFollower(feed, run.appId, {
      only: { deploymentId, afterSeq: 1, afterStatus: 2 },
    });
    await resumed.count(3);
    run.log.line("four");
    await run.finish("success", "pushing");
    expect(await resumed.done.promise).toBe(deploymentId);
    expect(resumed.events).toEqual(["two", "pushing", "three", "four", "aborted"]);
    expect(resumed.follower.unfinished).toBe(false);
  });

  test("a deployment that ended long ago is sent only to followers that request it by id", async () => {
    const run = new Run(redis);
    const later = () => new Date(testTime.getTime() + 10 * recentMs);
    await using feed = run.feed(60_000, later);
    await run.start();
    run.log.line("one");
    await run.finish("build-error");
    const everything = new RecordingFollower(feed, run.appId);
    const only = { deploymentId: run.deployment.id, afterSeq: 0, afterStatus: 0 };
    const requesting = new RecordingFollower(feed, run.appId, { only });
    await requesting.done.promise;
    expect(requesting.events).toEqual(["queued", "building", "one", "build-error"]);
    const complete = new RecordingFollower(feed, run.appId, {
      only: { ...only, afterSeq: 1, afterStatus: 3 },
    });
    await complete.done.promise;
    expect(complete.events).toEqual([]);
    expect(everything.events).toEqual([]);
  });

  test("a deployment of another app is not sent", async () => {
    const [own, foreign] = [new Run(redis), new Run(redis)];
    await using feed = own.feed();
    await own.start();
    await foreign.start();
    own.store.put(foreign.deployment);
    const only = { deploymentId: foreign.deployment.id, afterSeq: 0, afterStatus: 0 };
    const requesting = new RecordingFollower(feed, own.appId, { only });
    const following = new RecordingFollower(feed, own.appId);
    own.log.line("one");
    await following.until("one");
    expect(requesting.events).toEqual([]);
  });
});

function numbers(last: number): string[] {
  return Array.from({ length: last }, (_, index) => String(index + 1));
}

async function subscribers(redis: Redis, channel: string): Promise<number> {
  const [, count] = await redis.pubsub("NUMSUB", channel);
  return Number(count);
}
