import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { changeStatus, claim, queuedDeployment, sealLog } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import { aNewDeployment, lacksRedis, startRedis, testTime } from "@slipway/testkit";
import type { TestRedis } from "@slipway/testkit";
import { writeLastWords } from "./last-words.ts";
import { MemoryStore } from "./test-store.ts";
import { openLogWriter } from "./writer.ts";

const keys = redisKeys("test");
const now = () => testTime;
const at = { at: testTime, lineCount: null };

describe.skipIf(await lacksRedis())("last words", () => {
  let server: TestRedis;
  let redis: Redis;

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await server[Symbol.asyncDispose]();
  });

  test("of several at once one is written, and whoever had the log before writes no more", async () => {
    const { store, deployment, place } = placed();
    const { id: deploymentId, appId, attempt } = deployment;
    await using dead = await openLogWriter({ ...place, appId, deploymentId, attempt, secrets: [] });
    dead.line("-----> Building");
    await dead.flush();

    const aborted = store.put(changeStatus(deployment, "aborted", at));
    const written = await Promise.all(
      [1, 2, 3].map((number) => writeLastWords(place, aborted, `last of ${number}`)),
    );
    const [last, ...more] = written.filter((one) => one !== null);
    expect(more).toEqual([]);
    expect(last?.deployment).toMatchObject({ status: "aborted", attempt: attempt + 1 });
    const lines = store.lines(deploymentId);
    expect(lines).toEqual(["-----> Building", expect.stringMatching(/^last of [123]$/)]);
    const sha256 = createHash("sha256")
      .update(`${lines.join("\n")}\n`)
      .digest("hex");
    expect(last?.log).toEqual({ lineCount: 2, sha256 });

    dead.line("too late");
    await expect(dead.flush()).rejects.toMatchObject({ code: "lease-lost" });
    expect(store.lines(deploymentId)).toHaveLength(2);
  });

  test("a log that is closed, or somebody else's by now, stays as it is", async () => {
    const { store, deployment, place } = placed();
    const aborted = changeStatus(deployment, "aborted", at);
    expect(await writeLastWords(place, sealLog(aborted, { lineCount: 0, sha256: "" }), "late")).toBeNull();
    store.put({ ...aborted, revision: aborted.revision + 1 });
    expect(await writeLastWords(place, aborted, "late")).toBeNull();
    expect(store.lines(deployment.id)).toEqual([]);
  });

  function placed() {
    const store = new MemoryStore();
    const deployment = store.put(
      claim(queuedDeployment(aNewDeployment(), 1), 1, { at: testTime, lineCount: 0 }),
    );
    return { store, deployment, place: { redis, keys, store, now } };
  }
});
