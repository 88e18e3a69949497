import { describe, expect, test } from "vitest";
import { openRedis } from "@slipway/bus";
import { lacksRedis, startRedisCluster } from "@slipway/testkit";
import { keys, RecordingFollower, Run } from "../test-support/run.ts";

describe.skipIf(await lacksRedis())("the log on a Redis Cluster", () => {
  test("followers of logs on different masters receive each line once and in order, also after a failover", async () => {
    await using cluster = await startRedisCluster();
    await using opened = new AsyncDisposableStack();
    const redis = opened.adopt(openRedis(cluster.url, { maxRetriesPerRequest: null }), (client) =>
      client.disconnect(),
    );
    redis.on("error", () => undefined);
    const runs = Array.from({ length: 4 }, () => new Run(redis));
    const followers: RecordingFollower[] = [];
    for (const run of runs) {
      const feed = opened.use(run.feed(500));
      await run.start();
      followers.push(new RecordingFollower(feed, run.appId));
      for (let line = 1; line <= 50; line += 1) run.log.line(String(line));
    }
    for (const follower of followers) await follower.until("50");
    const [first] = runs;
    await cluster.failOver(keys.logTail(first?.deployment.id ?? ""));
    for (const run of runs) {
      for (let line = 51; line <= 100; line += 1) run.log.line(String(line));
      await run.finish("build-error");
    }
    const expected = [
      "queued",
      "building",
      ...Array.from({ length: 100 }, (_, at) => String(at + 1)),
      "build-error",
    ];
    for (const follower of followers) {
      await follower.until("build-error");
      expect(follower.events).toEqual(expected);
    }
  });
});
