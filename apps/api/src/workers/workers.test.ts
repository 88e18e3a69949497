import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Redis } from "ioredis";
import { newApp } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import { joinFleet } from "@slipway/queue";
import { eventually, lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";
import { workerIdentity } from "../../test-support/worker.ts";

describe.skipIf(await lacksRedis())("GET /v1/workers", () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  test("GET /v1/workers shows operators each worker and its current work", async () => {
    const { user, token } = await api.newUser({ operator: true });
    await api.store.apps.create(newApp({ id: "a1", name: "shop", ownerId: user.id, createdAt: new Date() }));
    const redis = new Redis(api.redis.url);
    const context = { redis, keys: redisKeys(api.config.installationId), onError: () => undefined };
    const worker = joinFleet({ ...context, countUsers: async () => 2 }, workerIdentity, () => new Date());
    const release = Promise.withResolvers<void>();
    const since = expect.stringMatching(/^\d{4}-/);
    const work = [
      worker.during({ type: "operate", id: "o1", appId: "deleted", attempt: 1 }, () => release.promise),
      worker.during({ type: "deploy", id: "d1", appId: "a1", attempt: 3 }, () => release.promise),
    ];
    const { status, body } = await untilRunning(token);
    expect(status).toBe(200);
    expect(body).toEqual({
      workers: [
        {
          id: "w1",
          name: "worker-1",
          host: "builder",
          pid: 7,
          version: "0.1.0",
          state: "ready",
          concurrency: 2,
          building: 1,
          operation_concurrency: 4,
          engine: { address: "unix:///engine.sock", cpus: 4, memory_bytes: 1024 },
          started_at: "2026-01-02T03:04:05.000Z",
          last_seen_at: expect.stringMatching(/^\d{4}-/),
          deployments: [{ id: "d1", app_id: "a1", app_name: "shop", attempt: 3, since }],
          operations: [{ id: "o1", app_id: "deleted", app_name: null, attempt: 1, since }],
        },
      ],
    });
    release.resolve();
    await Promise.all(work);
    await worker[Symbol.asyncDispose]();
    expect((await api.request(token, "GET", "/v1/workers")).body).toEqual({ workers: [] });
    redis.disconnect();
  });

  test("PATCH /v1/workers/:worker drains a worker, and lets it take work again", async () => {
    const { token } = await api.newUser({ operator: true });
    const redis = new Redis(api.redis.url);
    const context = { redis, keys: redisKeys(api.config.installationId), onError: () => undefined };
    const asked: boolean[] = [];
    const onDraining = (isDraining: boolean) => asked.push(isDraining);
    const countUsers = async () => 2;
    const worker = joinFleet({ ...context, countUsers, onDraining }, workerIdentity, () => new Date());
    const path = "/v1/workers/w1";
    const drain = (draining: boolean) => api.request(token, "PATCH", path, { worker: { draining } });
    const state = async () => {
      const { body } = await api.request(token, "GET", "/v1/workers");
      return (body as { workers: { state: string }[] }).workers[0]?.state;
    };
    await expect.poll(state).toBe("ready");
    const { status, body } = await drain(true);
    expect([status, body]).toMatchObject([200, { worker: { id: "w1", state: "draining", deployments: [] } }]);
    await expect.poll(state).toBe("draining");
    expect((await drain(false)).body).toMatchObject({ worker: { state: "ready" } });
    await expect.poll(state).toBe("ready");
    expect(asked).toEqual([true, false]);
    expect((await api.request(token, "PATCH", path, { worker: {} })).status).toBe(422);
    const unknown = await api.request(token, "PATCH", "/v1/workers/w2", { worker: { draining: true } });
    expect(unknown.status).toBe(404);
    const member = await api.newUser();
    const refused = await api.request(member.token, "PATCH", path, { worker: { draining: true } });
    expect(refused.status).toBe(403);
    await worker[Symbol.asyncDispose]();
    redis.disconnect();
  });

  test("GET /v1/workers rejects users who are not operators", async () => {
    const { token } = await api.newUser();
    const { status, body } = await api.request(token, "GET", "/v1/workers");
    expect([status, body]).toEqual([403, { code: "forbidden", error: expect.any(String) }]);
    expect((await api.request(null, "GET", "/v1/workers")).status).toBe(401);
  });

  /**
   * Waits until the response lists the running work. Heartbeats are so short here that a busy machine can have a worker counted as lost for
   * a moment.
   */
  async function untilRunning(token: string) {
    return eventually(async () => {
      const answer = await api.request(token, "GET", "/v1/workers");
      return ['"d1"', '"o1"', '"ready"'].every((shown) => answer.text.includes(shown)) && answer;
    });
  }
});
