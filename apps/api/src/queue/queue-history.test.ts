import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import type { QueueHistoryAnswer } from "@slipway/protocol";
import { aNewDeployment, anApp, lacksRedis, stepsTo } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";
import { takeSample } from "./queue-history.ts";

const hourMs = 3_600_000;

describe.skipIf(await lacksRedis())("GET /v1/queue/history", () => {
  let api: TestApi;
  let redis: Redis;
  let keys: ReturnType<typeof redisKeys>;
  beforeAll(async () => {
    api = await startTestApi();
    redis = new Redis(api.redis.url);
    keys = redisKeys(api.config.installationId);
  });
  beforeEach(() => redis.del(keys.queueHistory, keys.queueHistoryLease));
  afterAll(async () => {
    redis.disconnect();
    await api[Symbol.asyncDispose]();
  });

  const take = async (at: Date, { leased = false } = {}) => {
    if (!leased) await redis.del(keys.queueHistoryLease);
    await takeSample({ ...api.service.context, reservedSlots: 0, now: () => at });
  };
  const history = async (hours?: number) => {
    const path = `/v1/queue/history${hours === undefined ? "" : `?hours=${hours}`}`;
    const { status, body } = await api.request(api.operatorToken, "GET", path);
    expect(status).toBe(200);
    return (body as QueueHistoryAnswer).history;
  };

  test("a sample counts what waits and runs, and has the means of the deployments that ended in the last minute", async () => {
    const now = new Date();
    const before = (seconds: number) => new Date(now.getTime() - seconds * 1000);
    const { user } = await api.newUser();
    const create = async (createdAt: Date) => {
      const app = anApp({ ownerId: user.id });
      await api.store.apps.create(app);
      return api.store.deployments.create(aNewDeployment({ appId: app.id, ownerId: user.id, createdAt }));
    };
    await create(before(90));
    for (const [wait, duration, endedAgo] of [
      [4, 20, 10],
      [8, 40, 50],
      [100, 100, 61],
    ] as const) {
      const done = await create(before(endedAgo + duration + wait));
      for (const step of stepsTo(done, "build-error", before(endedAgo + duration))) {
        const finishedAt = step.finishedAt === null ? null : before(endedAgo);
        const timed = { ...step, startedAt: before(endedAgo + duration), finishedAt };
        expect(await api.store.deployments.compareAndSet(timed)).toBe(true);
      }
    }
    await take(now);
    expect(await history()).toEqual({
      interval_seconds: 60,
      samples: [
        {
          at: now.toISOString(),
          waiting: 1,
          running: 0,
          oldest_waiting_seconds: 90,
          slots: { used: 0, total: 0 },
          ended: 2,
          failed: 2,
          mean_wait_seconds: 6,
          mean_duration_seconds: 30,
        },
      ],
    });
  });

  test("one of several processes takes the sample of a minute", async () => {
    const at = new Date();
    await take(at);
    await take(new Date(at.getTime() + 1000), { leased: true });
    expect((await history()).samples).toHaveLength(1);
    expect(await redis.pttl(keys.queueHistoryLease)).toBeLessThan(60_000);
  });

  test("samples older than 48 hours are removed, the others are listed by time for the requested hours", async () => {
    const now = Date.now();
    for (const hoursAgo of [49, 47, 5, 0]) await take(new Date(now - hoursAgo * hourMs));
    expect(await redis.zcard(keys.queueHistory)).toBe(3);
    const times = async (hours?: number) => (await history(hours)).samples.map(({ at }) => Date.parse(at));
    expect(await times(48)).toEqual([now - 47 * hourMs, now - 5 * hourMs, now]);
    expect(await times()).toEqual([now - 5 * hourMs, now]);
    expect(await times(1)).toEqual([now]);
    expect(await redis.pttl(keys.queueHistory)).toBeLessThanOrEqual(48 * hourMs);
  });

  test("hours out of bounds, and users who are not operators, are refused", async () => {
    const { token } = await api.newUser();
    const status = async (path: string, by = api.operatorToken) =>
      (await api.request(by, "GET", path)).status;
    expect(await status("/v1/queue/history?hours=49")).toBe(422);
    expect(await status("/v1/queue/history?hours=0")).toBe(422);
    expect(await status("/v1/queue/history", token)).toBe(403);
  });
});
