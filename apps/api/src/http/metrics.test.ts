import { writeFile } from "node:fs/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import { joinFleet } from "@slipway/queue";
import {
  aNewDeployment,
  anApp,
  eventually,
  freePort,
  lacksRedis,
  scrapeMetrics,
  stepsTo,
} from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi } from "../../test-support/api.ts";
import { workerIdentity } from "../../test-support/worker.ts";

describe.skipIf(await lacksRedis())("the API's metrics", () => {
  let api: TestApi;
  let url: string;
  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}/metrics`;
    api = await startTestApi({ METRICS_PORT: String(port), RESERVED_SLOTS: "0" });
  });
  afterAll(() => api[Symbol.asyncDispose]());

  test("requests are counted by method, route and status; an unknown path makes no new series", async () => {
    await api.request(api.operatorToken, "GET", "/v1/users/self");
    await api.request(null, "GET", "/v1/users/self");
    await api.request(api.operatorToken, "GET", "/v1/apps/no-such-app/deployments?page=2");
    await api.request(api.operatorToken, "GET", "/v1/nothing/a1");
    await api.request(null, "GET", "/health");
    const { value, samples } = await scrapeMetrics(url);
    const requests = (route: string, status: string) =>
      value("slipway_http_requests_total", { method: "GET", route, status });
    expect(requests("/v1/users/self", "200")).toBe(1);
    expect(requests("/v1/users/self", "401")).toBe(1);
    expect(requests("/v1/apps/:app/deployments", "404")).toBe(1);
    expect(requests("other", "404")).toBe(1);
    expect(requests("/health", "200")).toBe(1);
    const route = "/v1/users/self";
    expect(value("slipway_http_request_duration_seconds_count", { method: "GET", route })).toBe(2);
    expect(JSON.stringify(samples)).not.toContain("no-such-app");
  });

  test("calls of the database are measured", async () => {
    await api.request(api.operatorToken, "GET", "/v1/users/self");
    const { value } = await scrapeMetrics(url);
    const labels = { dependency: "store", outcome: "responded" };
    expect(value("slipway_dependency_call_duration_seconds_count", labels)).toBeGreaterThan(0);
  });

  test("a scrape has the disks of the database and the blobs, and what is stored", async () => {
    const { value } = await scrapeMetrics(url);
    for (const disk of ["database", "blobs"]) {
      const free = value("slipway_disk_free_bytes", { disk }) ?? 0;
      expect(free).toBeGreaterThan(0);
      expect(value("slipway_disk_size_bytes", { disk })).toBeGreaterThan(free);
    }
    const stored = async (part: string) => (await scrapeMetrics(url)).value("slipway_stored_bytes", { part });
    await eventually(async () => ((await stored("database")) ?? 0) > 0);
    expect(await stored("sources")).toBe(0);
    expect(await stored("registry")).toBeUndefined();
    await writeFile(api.config.registrySizeFile, "1071\n");
    expect(await stored("registry")).toBe(1_071);
  });

  test("a scrape has the queue, its age and its backlog, the build slots and the workers by state", async () => {
    const empty = await scrapeMetrics(url);
    expect(empty.value("slipway_queue_waiting_deployments")).toBe(0);
    expect(empty.value("slipway_queue_oldest_waiting_seconds")).toBe(0);
    expect(empty.value("slipway_queue_work_seconds")).toBeUndefined();
    expect(empty.value("slipway_queue_paused")).toBe(0);

    const { user } = await api.newUser();
    const app = anApp({ ownerId: user.id });
    await api.store.apps.create(app);
    const { deployments } = api.store;
    const request = { appId: app.id, ownerId: user.id };
    const ended = await deployments.create(aNewDeployment({ ...request, createdAt: new Date() }));
    for (const step of stepsTo(ended, "success")) await deployments.compareAndSet(step);
    const createdAt = new Date(Date.now() - 600_000);
    for (let number = 0; number < 2; number += 1)
      await deployments.create(aNewDeployment({ ...request, createdAt }));
    const other = anApp({ ownerId: user.id });
    await api.store.apps.create(other);
    const [building] = stepsTo(
      await deployments.create(aNewDeployment({ ...request, appId: other.id })),
      "success",
    );
    if (building !== undefined) await deployments.compareAndSet(building);
    await using opened = new AsyncDisposableStack();
    const redis = opened.adopt(new Redis(api.redis.url), (client) => client.disconnect());
    const bus = { redis, keys: redisKeys(api.config.installationId), onError: () => undefined };
    const join = (id: string) =>
      opened.use(
        joinFleet(
          { ...bus, countUsers: async () => 1 },
          { ...workerIdentity, id, concurrency: 3, heartbeatMs: 60_000 },
          () => new Date(),
        ),
      );
    join("w1");
    join("w2").drain();
    await api.service.context.lanes.queues[0]?.pause();

    const workers = async (state: string) => (await scrapeMetrics(url)).value("slipway_workers", { state });
    await expect.poll(() => workers("ready")).toBe(1);
    await expect.poll(() => workers("draining")).toBe(1);
    const { value } = await scrapeMetrics(url);
    expect(value("slipway_queue_waiting_deployments")).toBe(2);
    expect(value("slipway_queue_oldest_waiting_seconds")).toBeGreaterThan(590);
    expect(value("slipway_queue_work_seconds")).toBeGreaterThanOrEqual(0);
    expect(value("slipway_queue_paused")).toBe(1);
    expect(value("slipway_running_deployments")).toBe(1);
    expect(value("slipway_running_phase_oldest_seconds", { phase: "none" })).toBeGreaterThanOrEqual(0);
    expect(value("slipway_build_slots")).toBe(3);
    expect(value("slipway_build_slots_used")).toBe(0);
    expect(value("slipway_workers", { state: "lost" })).toBe(0);
  });
});
