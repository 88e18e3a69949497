import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import { joinFleet } from "@slipway/queue";
import { aNewDeployment, anApp, eventually, lacksRedis, stepsTo } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";
import { workerIdentity } from "../../test-support/worker.ts";

describe.skipIf(await lacksRedis())("GET /v1/queue", () => {
  let api: TestApi;
  let redis: Redis;
  beforeAll(async () => {
    api = await startTestApi({ OWNER_SLOTS: "1", RESERVED_SLOTS: "1" });
    redis = new Redis(api.redis.url);
  });
  afterAll(async () => {
    redis.disconnect();
    await api[Symbol.asyncDispose]();
  });

  const queue = async () => {
    const { body, status } = await api.request(api.operatorToken, "GET", "/v1/queue");
    expect(status).toBe(200);
    return (body as { queue: Record<string, unknown> }).queue;
  };

  test("an empty queue without workers has no oldest deployment and no estimate", async () => {
    expect(await queue()).toEqual({
      waiting: 0,
      running: 0,
      oldest_waiting_at: null,
      paused: false,
      by_reason: {},
      slots: { used: 0, total: 0, reserved: 0 },
      seconds_of_work: null,
      deployments: [],
    });
  });

  test("waiting deployments are counted by reason and listed oldest first, with the slots and the estimate", async () => {
    const { user } = await api.newUser();
    const { lanes } = api.service.context;
    const context = { redis, keys: redisKeys(api.config.installationId), onError: () => undefined };
    const app = async () => {
      const made = anApp({ ownerId: user.id });
      await api.store.apps.create(made);
      return made;
    };
    const [one, two] = [await app(), await app()];
    const create = (appId: string, createdAt: Date) =>
      api.store.deployments.create(aNewDeployment({ appId, ownerId: user.id, createdAt }));
    const now = Date.now();
    const done = await create(one.id, new Date(now - 30_000));
    const [building, ...rest] = stepsTo(done, "build-error", new Date(now - 20_000));
    for (const step of [building, ...rest].filter((each) => each !== undefined)) {
      const startedAt = new Date(now - 20_000);
      const finishedAt = step.finishedAt === null ? null : new Date(now - 10_000);
      expect(await api.store.deployments.compareAndSet({ ...step, startedAt, finishedAt })).toBe(true);
    }
    const first = await create(one.id, new Date(now - 3_000));
    const second = await create(one.id, new Date(now - 2_000));
    const third = await create(two.id, new Date(now - 1_000));
    expect(await queue()).toMatchObject({ by_reason: { "no-worker": 2, "app-busy": 1 } });

    await using _worker = joinFleet(
      { ...context, countUsers: async () => 2 },
      { ...workerIdentity, concurrency: 3, heartbeatMs: 60_000 },
      () => new Date(),
    );
    // It is stored after the first heartbeat, and decides how many deployments may build.
    await eventually(async () => (await redis.hget(context.keys.fleetCapacity, "slots")) === "3");
    await lanes.advance(one.id);
    const listed = (id: string, name: string, position: number, reason: string, estimated: number) =>
      expect.objectContaining({
        app_name: name,
        deployment_id: id,
        owner: user.username,
        position,
        reason,
        waiting_since: expect.any(String),
        estimated_seconds: estimated,
      });
    expect(await queue()).toEqual({
      waiting: 3,
      running: 0,
      oldest_waiting_at: first.createdAt.toISOString(),
      paused: false,
      by_reason: { "build-slots": 1, "app-busy": 1, "owner-slots": 1 },
      slots: { used: 0, total: 3, reserved: 1 },
      seconds_of_work: 30,
      deployments: [
        listed(first.id, one.name, 1, "build-slots", 3),
        listed(second.id, one.name, 2, "app-busy", 10),
        listed(third.id, two.name, 1, "owner-slots", 3),
      ],
    });

    await lanes.queues[0]?.pause();
    expect(await queue()).toMatchObject({ paused: true, by_reason: { "queue-paused": 2, "app-busy": 1 } });
    await lanes.queues[0]?.resume();
  });

  test("users who are not operators are refused", async () => {
    const { token } = await api.newUser();
    expect((await api.request(token, "GET", "/v1/queue")).status).toBe(403);
  });
});
