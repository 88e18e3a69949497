import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import { lacksRedis, startRedis } from "@slipway/testkit";
import { joinFleet, listWorkers } from "./fleet.ts";
import type { FleetContext, FleetWorker } from "./fleet.ts";

const keys = redisKeys("fleet-test");
const task = { deploymentId: "d1", appId: "a1", attempt: 2 };

describe.skipIf(await lacksRedis())("the fleet", () => {
  const opened = new AsyncDisposableStack();
  let url: string;
  let place: FleetContext;
  let errors: unknown[];

  beforeAll(async () => {
    ({ url } = opened.use(await startRedis()));
    const redis = opened.adopt(new Redis(url), (client) => client.disconnect());
    place = { redis, keys, onError: (error) => errors.push(error) };
  });
  afterAll(() => opened.disposeAsync());
  beforeEach(async () => {
    errors = [];
    await place.redis.del(keys.workers, keys.workersSeen);
  });

  test("shows who works, on what, and who takes no more", async () => {
    await using first = join("worker-1");
    await using _second = join("worker-2");
    const release = Promise.withResolvers<void>();
    const work = first.during(task, () => release.promise);
    const [one, two] = await listed((workers) => workers.length === 2 && workers[0]?.running.length === 1);
    expect(one).toMatchObject({ name: "worker-1", state: "ready", running: [task], concurrency: 3 });
    expect(two).toMatchObject({ name: "worker-2", state: "ready", running: [] });
    first.drain();
    release.resolve();
    await work;
    await listed(([worker]) => worker?.state === "draining" && worker.running.length === 0);
    expect(errors).toEqual([]);
  });

  test("one that leaves is gone; one that falls silent is lost, and back when it speaks again", async () => {
    const client = new Redis(url);
    const lonely = joinFleet({ ...place, redis: client }, identity("worker-1", 20), () => new Date());
    await listed(([worker]) => worker?.state === "ready");
    client.disconnect();
    const [lost] = await listed(([worker]) => worker?.state === "lost");
    expect(lost?.lastSeenAt.getTime()).toBeGreaterThan(0);
    await client.connect();
    await listed(([worker]) => worker?.state === "ready");
    await lonely[Symbol.asyncDispose]();
    expect(await listWorkers(place)).toEqual([]);
    client.disconnect();
  });

  test("a Redis that lost everything knows the workers again", async () => {
    await using _worker = join("worker-1");
    await listed((workers) => workers.length === 1);
    await place.redis.flushall();
    const [again] = await listed((workers) => workers.length === 1);
    expect(again).toMatchObject({ id: "worker-1", state: "ready" });
  });

  test("one that has been silent for an hour is forgotten, by the list and by Redis", async () => {
    const old = join("worker-old");
    await listed((workers) => workers.length === 1);
    await old[Symbol.asyncDispose]();
    await place.redis.hset(keys.workers, "worker-old", JSON.stringify(record("worker-old")));
    await place.redis.zadd(keys.workersSeen, String(Date.now() - 61 * 60_000), "worker-old");
    expect(await listWorkers(place)).toEqual([]);
    await using _young = join("worker-young");
    await listed((workers) => workers.length === 1);
    expect(await place.redis.hkeys(keys.workers)).toEqual(["worker-young"]);
    expect(await place.redis.zrange(keys.workersSeen, "0", "-1")).toEqual(["worker-young"]);
  });

  test("a worker of the version before has no places for operations", async () => {
    const { operationConcurrency: _, ...former } = record("former");
    await place.redis.hset(keys.workers, "former", JSON.stringify(former));
    await place.redis.zadd(keys.workersSeen, String(Date.now()), "former");
    expect(await listWorkers(place)).toMatchObject([{ id: "former", operationConcurrency: 0 }]);
    expect(errors).toEqual([]);
  });

  test("a record of another version is left out, and told", async () => {
    await place.redis.hset(keys.workers, "strange", JSON.stringify({ id: "strange" }));
    expect(await listWorkers(place)).toEqual([]);
    expect(errors).toHaveLength(1);
  });

  function join(name: string) {
    return joinFleet(place, identity(name), () => new Date());
  }

  /** Asks until the list is as wanted; the test's own timeout is the bound. */
  async function listed(isWanted: (workers: FleetWorker[]) => boolean): Promise<FleetWorker[]> {
    for (;;) {
      const workers = await listWorkers(place);
      if (isWanted(workers)) return workers;
      await delay(10);
    }
  }
});

test("without Redis the list is unavailable, not empty", async () => {
  const redis = new Redis("redis://127.0.0.1:1", { maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on("error", () => undefined);
  await expect(listWorkers({ redis, keys, onError: () => undefined })).rejects.toMatchObject({
    code: "queue-unavailable",
  });
});

function identity(id: string, heartbeatMs = 100) {
  const engine = { address: "unix:///engine.sock", cpus: 2, memoryBytes: 1024 };
  const startedAt = new Date().toISOString();
  return {
    id,
    name: id,
    host: "here",
    pid: 1,
    version: "0.1.0",
    startedAt,
    heartbeatMs,
    concurrency: 3,
    operationConcurrency: 4,
    engine,
  };
}

function record(id: string) {
  return { ...identity(id), state: "ready", running: [] };
}
