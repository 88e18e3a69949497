import { redisKeys } from "@slipway/protocol";
import { lacksRedis, useRedis } from "@slipway/testkit";
import type { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { lastSeqOf, readTail } from "./tail.ts";

const keys = redisKeys("test");

describe.skipIf(await lacksRedis())("the tail of a log", () => {
  let redis: Redis;
  useRedis((connection) => {
    redis = connection;
  });

  test.for([
    { of: "many short batches", batches: 900, chars: 20, reads: 1 },
    { of: "few large batches", batches: 12, chars: 60_000, reads: 3 },
    { of: "more short batches than one call returns", batches: 2_500, chars: 20, reads: 1 },
  ])("the tail of a log is read in parts of about 256 KiB: $of", async ({ of, batches, chars, reads }) => {
    for (let seq = 1; seq <= batches; seq += 1) await append(of, seq, chars);
    const firsts: number[] = [];
    for (let next = 1; next <= batches;) {
      const read = await readTail({ redis, keys }, of, next);
      expect(read.map(({ firstSeq }) => firstSeq)).toEqual(read.map((_, index) => next + index));
      firsts.push(next);
      next = lastSeqOf(read.at(-1) ?? { firstSeq: 0, lineCount: 0 }) + 1;
    }
    expect(firsts).toHaveLength(reads);
  });

  test("a read ends before a gap", async () => {
    for (const seq of [1, 2, 3, 4, 6]) await append("gap", seq, 10);
    const read = await readTail({ redis, keys }, "gap", 1);
    expect(read.map(({ firstSeq }) => firstSeq)).toEqual([1, 2, 3, 4]);
  });

  async function append(deploymentId: string, firstSeq: number, chars: number): Promise<void> {
    const message = { type: "log", deploymentId, firstSeq, text: ".".repeat(chars) };
    await redis.xadd(keys.logTail(deploymentId), `${firstSeq}-1`, "m", JSON.stringify(message));
  }
});
