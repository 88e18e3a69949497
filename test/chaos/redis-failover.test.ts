// The primary Redis is killed during a build, and Sentinel or the cluster promotes its replica: the build continues.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import { lacksEngine, startRedisCluster, startSentinelRedis } from "@slipway/testkit";
import { answering, inlineApp } from "../e2e/apps.ts";
import { linesOf } from "./follower.ts";
import { settled, steps } from "./scenario.ts";
import { SlipwayUnderTest } from "./slipway.ts";
import { reportStateOfFailed } from "./state.ts";

describe.skipIf(await lacksEngine())("a failover of Redis", () => {
  let opened: AsyncDisposableStack;
  let slipway: SlipwayUnderTest;
  beforeEach(() => {
    opened = new AsyncDisposableStack();
  });
  afterEach(async ({ task }) => {
    await using _ = opened;
    await reportStateOfFailed(task, slipway);
  });

  test.for([
    { kind: "a primary that Sentinel replaces", start: startSentinelRedis },
    { kind: "the master of a Redis Cluster that has the queue", start: startRedisCluster },
  ])(
    "Redis is killed during a build, $kind: every accepted deployment succeeds, and its log is complete",
    async ({ start }) => {
      const redis = opened.use(await start());
      const settings = { REDIS_URL: redis.url };
      slipway = opened.use(await SlipwayUnderTest.start({ workers: [{}, {}], settings }));
      const app = await slipway.createApp("failover");
      await using follower = slipway.follow(app);
      const id = await slipway.deploy(app, inlineApp(steps(15), answering("built")));
      const waiting = await slipway.deploy(app, inlineApp("true", answering("after")));
      await follower.until((frames) => linesOf(frames, id).includes("step 3 of 15"));
      await redis.failOver(redisKeys(slipway.installationId).queuePrefix);
      const after = await slipway.deploy(app, inlineApp("true", answering("last")));
      const ended = await settled(slipway, app, [id, waiting, after], [follower]);
      expect(ended.map(({ status }) => status)).toEqual(["success", "success", "success"]);
      expect(await slipway.page(app)).toBe("last");
    },
  );
});
