import { once } from "node:events";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import { eventually, lacksRedis, startRedis } from "@slipway/testkit";
import { joinFleet, listWorkers, setDraining } from "./fleet.ts";
import type { FleetWorker, JoinContext } from "./fleet.ts";

const keys = redisKeys("fleet-test");
const task = { type: "deploy", id: "d1", appId: "a1", attempt: 2 } as const;
const rareMs = 60_000;
const running = { deploymentId: "d1", appId: "a1", attempt: 2 };

describe.skipIf(await lacksRedis())("the fleet", () => {
  const opened = new AsyncDisposableStack();
  let url: string;
  let context: JoinContext;
  let users: number;
  let errors: unknown[];

  beforeAll(async () => {
    ({ url } = opened.use(await startRedis()));
    const redis = opened.adopt(new Redis(url), (client) => client.disconnect());
    context = { redis, keys, onError: (error) => errors.push(error), countUsers: async () => users };
  });
  afterAll(() => opened.disposeAsync());
  beforeEach(async () => {
    errors = [];
    users = 2;
    await context.redis.del(keys.workers, keys.workersSeen, keys.fleetCapacity, keys.fleetCounted);
  });

  test("the fleet lists workers with their running tasks, and whether they drain", async () => {
    await using first = join("worker-1");
    await using _second = join("worker-2");
    const release = Promise.withResolvers<void>();
    const work = first.during(task, () => release.promise);
    const [one, two] = await listed(
      (workers) => workers.filter(isReady).length === 2 && workers[0]?.running.length === 1,
    );
    expect(one).toMatchObject({ name: "worker-1", state: "ready", running: [running], concurrency: 3 });
    expect(two).toMatchObject({ name: "worker-2", state: "ready", running: [] });
    first.drain();
    release.resolve();
    await work;
    await listed(([worker]) => worker?.state === "draining" && worker.running.length === 0);
    expect(errors).toEqual([]);
  });

  test("a worker drains on request, and is ready again when draining ends", async () => {
    const asked: boolean[] = [];
    const options = { ...context, countBuilding: () => 2, onDraining: (now: boolean) => asked.push(now) };
    // Heartbeats are rare here, so the request arrives as a message.
    await using _worker = joinFleet(options, identity("worker-1", rareMs), () => new Date());
    await listed(([worker]) => worker?.state === "ready" && worker.building === 2);
    await eventually(async () => {
      const [, subscribers] = await context.redis.pubsub("NUMSUB", keys.workersChannel);
      return subscribers === 1;
    });
    expect(await setDraining(context, "worker-1", true)).toMatchObject({ id: "worker-1", state: "draining" });
    await listed(([worker]) => worker?.state === "draining");
    await context.redis.del(keys.workerDraining("worker-1"));
    expect(await setDraining(context, "worker-1", false)).toMatchObject({ state: "ready" });
    await listed(([worker]) => worker?.state === "ready");
    expect(asked).toEqual([true, false]);
    await expect(setDraining(context, "nobody", true)).rejects.toMatchObject({ code: "not-found" });
    expect(errors).toEqual([]);
  });

  test("a request whose message was lost is found by a heartbeat, and stays applied after Redis lost its data", async () => {
    await using _worker = join("worker-1");
    await listed(([worker]) => worker?.state === "ready");
    await context.redis.set(keys.workerDraining("worker-1"), "1");
    await listed(([worker]) => worker?.state === "draining");
    await context.redis.flushall();
    await listed(([worker]) => worker !== undefined);
    expect(await listWorkers(context)).toMatchObject([{ state: "draining" }]);
  });

  test("a worker that leaves is removed; one without heartbeats is lost, and ready again with the next", async () => {
    await using resources = new AsyncDisposableStack();
    const client = resources.adopt(new Redis(url), (redis) => redis.disconnect());
    const single = resources.use(
      joinFleet({ ...context, redis: client }, identity("worker-1", 20), () => new Date()),
    );
    await listed(([worker]) => worker?.state === "ready");
    const disconnected = once(client, "end");
    client.disconnect();
    await disconnected;
    const [lost] = await listed(([worker]) => worker?.state === "lost");
    expect(lost?.lastSeenAt.getTime()).toBeGreaterThan(0);
    await client.connect();
    await listed(([worker]) => worker?.state === "ready");
    await single[Symbol.asyncDispose]();
    expect(await listWorkers(context)).toEqual([]);
  });

  test("the fleet's capacity is the number of slots of its workers that do not drain", async () => {
    // Heartbeats are rare here, so that no worker is lost even for a moment.
    await using first = join("worker-1", rareMs);
    await expect.poll(capacity).toBe("3");
    await using _second = join("worker-2", rareMs);
    await expect.poll(capacity).toBe("6");
    first.drain();
    await expect.poll(capacity).toBe("3");
  });

  test("the fleet's capacity and users are counted again, and expire with the last worker", async () => {
    await using first = join("worker-1");
    const second = join("worker-2");
    await expect.poll(capacity).toBe("6");
    users = 3;
    await expect.poll(() => context.redis.hget(keys.fleetCapacity, "users")).toBe("3");
    await second[Symbol.asyncDispose]();
    await expect.poll(capacity).toBe("3");
    await first[Symbol.asyncDispose]();
    await expect.poll(capacity).toBe(null);
  });

  test("a worker does not count the fleet while another one has done so in this interval", async () => {
    await using _worker = join("worker-1");
    const usersCounted = () => context.redis.hget(keys.fleetCapacity, "users");
    await expect.poll(usersCounted).toBe("2");
    await context.redis.set(keys.fleetCounted, "worker-2");
    const seenAt = async () => Number(await context.redis.zscore(keys.workersSeen, "worker-1"));
    const before = await seenAt();
    users = 3;
    // Heartbeats continue, but none of them counts the users again.
    await expect.poll(seenAt).toBeGreaterThan(before + 200);
    expect(["2", null]).toContain(await usersCounted());
    await context.redis.del(keys.fleetCounted);
    await expect.poll(usersCounted).toBe("3");
  });

  test("workers are listed again after Redis lost all data", async () => {
    await using _worker = join("worker-1");
    await listed((workers) => workers.length === 1);
    await context.redis.flushall();
    const [again] = await listed((workers) => workers.some(isReady));
    expect(again?.id).toBe("worker-1");
  });

  test("a worker without a heartbeat for an hour is removed from the list and from Redis", async () => {
    const old = join("worker-old");
    await listed((workers) => workers.length === 1);
    await old[Symbol.asyncDispose]();
    await context.redis.hset(keys.workers, "worker-old", JSON.stringify(record("worker-old")));
    await context.redis.zadd(keys.workersSeen, String(Date.now() - 61 * 60_000), "worker-old");
    expect(await listWorkers(context)).toEqual([]);
    await using _young = join("worker-young");
    await listed((workers) => workers.length === 1);
    expect(await context.redis.hkeys(keys.workers)).toEqual(["worker-young"]);
    expect(await context.redis.zrange(keys.workersSeen, "0", "-1")).toEqual(["worker-young"]);
  });

  test("a worker of the previous version has no operation slots", async () => {
    const { operationConcurrency: _, ...former } = record("former");
    await context.redis.hset(keys.workers, "former", JSON.stringify(former));
    await context.redis.zadd(keys.workersSeen, String(Date.now()), "former");
    expect(await listWorkers(context)).toMatchObject([{ id: "former", operationConcurrency: 0 }]);
    expect(errors).toEqual([]);
  });

  test("an invalid record is left out and reported", async () => {
    await context.redis.hset(keys.workers, "strange", JSON.stringify({ id: "strange" }));
    await context.redis.zadd(keys.workersSeen, String(Date.now()), "strange");
    expect(await listWorkers(context)).toEqual([]);
    expect(errors).toHaveLength(1);
  });

  function join(name: string, heartbeatMs?: number) {
    return joinFleet(context, identity(name, heartbeatMs), () => new Date());
  }

  const capacity = () => context.redis.hget(keys.fleetCapacity, "slots");

  /** Waits for the expected list: with such short heartbeats, workers on a busy machine may be lost for moments. */
  async function listed(isWanted: (workers: FleetWorker[]) => boolean): Promise<FleetWorker[]> {
    return eventually(async () => {
      const workers = await listWorkers(context);
      return isWanted(workers) && workers;
    });
  }
});

test("listing workers fails while Redis is unavailable", async () => {
  const redis = new Redis("redis://127.0.0.1:1", { maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on("error", () => undefined);
  await expect(listWorkers({ redis, keys, onError: () => undefined })).rejects.toMatchObject({
    code: "queue-unavailable",
  });
});

function isReady({ state }: FleetWorker): boolean {
  return state === "ready";
}

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
