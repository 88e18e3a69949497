import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import { eventually, lacksRedis, startRedis, unexpected } from "@slipway/testkit";
import { startMaintenance } from "./maintenance.ts";
import type { MaintenanceOptions } from "./maintenance.ts";
import { formerMaintenanceQueue, queueNames } from "./queue-names.ts";

const keys = redisKeys("maintenance-test");
/** Longer than any test. */
const never = 3_600_000;
const seldom = { reconcile: never, "observe-apps": never, "limit-files": never, "sweep-rollouts": never };

describe.skipIf(await lacksRedis())("maintenance", () => {
  let opened: AsyncDisposableStack;
  let options: Omit<MaintenanceOptions, "run">;

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    const { url: redisUrl } = opened.use(await startRedis());
    const redis = opened.adopt(new Redis(redisUrl), (client) => client.disconnect());
    options = { redisUrl, redis, keys, name: "test", everyMs: seldom, onError: unexpected };
  });
  afterEach(() => opened.disposeAsync());

  const openQueue = (name: string) =>
    opened.adopt(
      new Queue(name, { connection: { url: options.redisUrl }, prefix: keys.queuePrefix }),
      (queue) => queue.close(),
    );

  test("lanes are reconciled while slow removals and observations run", async () => {
    const removals = openQueue(queueNames.slowMaintenance);
    for (let index = 0; index < 6; index += 1)
      await removals.add("remove-app", { type: "remove-app", appId: `app-${index}` });
    const hang = Promise.withResolvers<void>();
    const begun: string[] = [];
    const stop = await startMaintenance({
      ...options,
      everyMs: { ...seldom, reconcile: 50 },
      run: async ({ type }) => {
        begun.push(type);
        if (type !== "reconcile") await hang.promise;
      },
    });
    try {
      const times = (type: string) => begun.filter((one) => one === type).length;
      await eventually(async () => times("remove-app") >= 2 && times("observe-apps") === 1);
      const reconciled = times("reconcile");
      await expect.poll(() => times("reconcile")).toBeGreaterThan(reconciled + 3);
    } finally {
      hang.resolve();
      await stop();
    }
  });

  test("schedules of the previous version are removed, also if a worker of that version adds one again", async () => {
    const [reconciling, slow] = [openQueue(formerMaintenanceQueue), openQueue(queueNames.slowMaintenance)];
    const schedule = (queue: Queue, type: string, every: number) =>
      queue.upsertJobScheduler(type, { every }, { name: type, data: { type } });
    await schedule(reconciling, "reconcile", never);
    await schedule(slow, "limit-files", never);
    const run: string[] = [];
    opened.defer(await startMaintenance({ ...options, run: async ({ type }) => void run.push(type) }));
    const left = async () => [
      ...(await reconciling.getJobSchedulers()),
      ...(await slow.getJobSchedulers()),
      ...(await slow.getJobs(["waiting", "active", "delayed"])),
    ];
    await eventually(async () => (await left()).length === 0);
    await schedule(slow, "sweep-rollouts", 50);
    await eventually(async () => (await left()).length === 0);
    expect(run.filter((type) => type === "sweep-rollouts")).toHaveLength(1);
  });
});
