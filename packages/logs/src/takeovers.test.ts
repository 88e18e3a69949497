// Followers of a log whose worker was killed before its last lines were stored, while Redis lost its data: they end with the stored log.

import { createHash } from "node:crypto";
import { changeStatus, deploymentStatuses, takeOver } from "@slipway/core";
import { aLogChunk, lacksRedis, testTime, useRedis } from "@slipway/testkit";
import type { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { keys, RecordingFollower, Run } from "../test-support/run.ts";
import type { LogFeed } from "./feed.ts";
import { logCloser } from "./close-log.ts";

/** With these limits, nothing is stored unless the test flushes the log. */
const unstored = { chunkDelayMs: 600_000, chunkChars: 1_000_000 };

describe.skipIf(await lacksRedis())(
  "a log that a newer attempt continues before lines that were sent",
  () => {
    let redis: Redis;
    useRedis((connection) => {
      redis = connection;
    });

    test("a live follower rewinds to where the record ended, and ends with the record", async () => {
      const run = new Run(redis, unstored);
      await using feed = run.feed();
      const follower = await killed(run, feed);
      await run.start();
      for (const line of ["three", "four", "five"]) run.log.line(line);
      await run.finish("build-error");
      await follower.until("build-error");
      expect(follower.events).toEqual([
        "queued",
        "building",
        "one",
        "two",
        "dead 3",
        "dead 4",
        "dead 5",
        "dead 6",
        "rewind 2",
        "building",
        "three",
        "four",
        "five",
        "build-error",
      ]);
      expect(clientsLog(follower)).toEqual(recordOf(run));
    });

    test("the record may have as many lines as the follower, or fewer", async () => {
      for (const count of [1, 4]) {
        const run = new Run(redis, unstored);
        await using feed = run.feed();
        const follower = await killed(run, feed);
        await run.start();
        for (let line = 1; line <= count; line += 1) run.log.line(`new ${line}`);
        await run.finish("build-error");
        await follower.until("build-error");
        expect(clientsLog(follower)).toEqual(recordOf(run));
      }
    });

    test("a follower that missed every message rewinds, too", async () => {
      const run = new Run(redis, unstored);
      await using feed = run.feed(20);
      const follower = await killed(run, feed);
      run.losesMessages = true;
      await run.start();
      for (const line of ["three", "four", "five"]) run.log.line(line);
      await run.finish("build-error");
      await follower.until("build-error");
      expect(clientsLog(follower)).toEqual(recordOf(run));
    });

    test("an attempt without a status of its own, which closes the log, rewinds followers", async () => {
      const run = new Run(redis, unstored);
      await using feed = run.feed();
      const follower = await killed(run, feed);
      await closed(run);
      await follower.until("aborted");
      expect(follower.events.slice(-3)).toEqual(["rewind 2", " !     Aborted: a test", "aborted"]);
      expect(clientsLog(follower)).toEqual(recordOf(run));
    });

    test.each([0, 1, 2])(
      "a client that resumes after the end with %i statuses and lines of a killed attempt rewinds",
      async (afterStatus) => {
        for (const end of ["claimed", "closed"]) {
          const run = new Run(redis, unstored);
          await using feed = run.feed();
          const before = await killed(run, feed);
          if (end === "closed") await closed(run);
          else await again(run);
          const only = { deploymentId: run.deployment.id, afterSeq: 5, afterStatus };
          // The feed of another process, which has received no message of the log.
          await using other = run.feed();
          const resumed = new RecordingFollower(other, run.appId, { only });
          await resumed.done.promise;
          before.follower.close();
          expect(resumed.events[0]).toBe("rewind 2");
          expect(clientsLog(resumed, before.events.filter(isLine).slice(0, 5))).toEqual(recordOf(run));
        }
      },
    );

    test("lines that a frozen worker stores late are not sent instead of the next attempt's", async () => {
      const run = new Run(redis, unstored);
      await using feed = run.feed();
      const follower = await killed(run, feed);
      const { id: deploymentId } = run.deployment;
      await run.start();
      const late = {
        deploymentId,
        attempt: 1,
        firstSeq: 3,
        lineCount: 4,
        text: "late 3\nlate 4\nlate 5\nlate 6",
      };
      expect(await run.store.logs.append(aLogChunk(late))).toBe(true);
      const other = new RecordingFollower(feed, run.appId);
      for (const line of ["three", "four", "five"]) run.log.line(line);
      await other.until("five");
      expect(other.events.filter((event) => event.startsWith("late"))).toEqual([]);
      await run.finish("build-error");
      for (const each of [follower, other]) {
        await each.until("build-error");
        expect(clientsLog(each)).toEqual(recordOf(run));
      }
    });

    test("an attempt that continues after the last line rewinds no follower", async () => {
      const run = new Run(redis, unstored);
      await using feed = run.feed();
      await run.start();
      const follower = new RecordingFollower(feed, run.appId);
      run.log.line("one");
      await follower.until("one");
      await run.log[Symbol.asyncDispose]();
      await run.start();
      run.log.line("two");
      await follower.until("two");
      await run.log[Symbol.asyncDispose]();
      await closed(run);
      await follower.until("aborted");
      expect(follower.events).toEqual([
        "queued",
        "building",
        "one",
        "building",
        "two",
        " !     Aborted: a test",
        "aborted",
      ]);
    });

    /** A state in which the worker has published six lines, two are stored, the worker is killed, and Redis has lost its data. */
    async function killed(run: Run, feed: LogFeed): Promise<RecordingFollower> {
      await run.start();
      const follower = new RecordingFollower(feed, run.appId);
      run.log.line("one");
      run.log.line("two");
      await run.log.flush();
      for (const seq of [3, 4, 5, 6]) run.log.line(`dead ${seq}`);
      await follower.until("dead 6");
      await run.log[Symbol.asyncDispose]();
      await redis.del(keys.logHead(run.deployment.id), keys.logTail(run.deployment.id));
      return follower;
    }

    async function again(run: Run): Promise<void> {
      await run.start();
      for (const line of ["three", "four", "five"]) run.log.line(line);
      await run.finish("build-error");
    }

    /** Ends the deployment of a crashed worker, like another process. */
    async function closed(run: Run): Promise<void> {
      const claimed = run.store.put(takeOver(run.deployment, run.deployment.attempt + 1));
      const close = logCloser({ bus: { redis, keys }, store: run.store, now: () => testTime });
      const { lineCount, sha256: logSha256 } = await close(claimed, " !     Aborted: a test");
      const facts = { logLineCount: lineCount, logSha256 };
      await run.put(changeStatus(claimed, "aborted", { at: testTime, lineCount, facts }));
    }
  },
);

/** The lines of a client that handles rewinds. @param had lines that it had before it resumed. */
function clientsLog({ events }: RecordingFollower, had: readonly string[] = []) {
  const lines = [...had];
  for (const event of events) {
    if (event.startsWith("rewind ")) lines.length = Number(event.slice("rewind ".length));
    else if (isLine(event)) lines.push(event);
  }
  const hash = createHash("sha256").update(lines.map((line) => `${line}\n`).join(""));
  return { lines, lineCount: lines.length, sha256: hash.digest("hex") };
}

function recordOf({ store, deployment: { id, logLineCount, logSha256 } }: Run) {
  return { lines: store.lines(id), lineCount: logLineCount, sha256: logSha256 };
}

function isLine(event: string): boolean {
  return !event.startsWith("rewind ") && !deploymentStatuses.some((status) => status === event);
}
