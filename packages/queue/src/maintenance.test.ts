import { Queue } from "bullmq";
import { expect, describe, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import { eventually, lacksRedis, startRedis, unexpected } from "@slipway/testkit";
import { startMaintenance } from "./maintenance.ts";
import { queueNames } from "./queue-names.ts";

const keys = redisKeys("maintenance-test");
/** Longer than any test. */
const never = 3_600_000;
const seldom = { reconcile: never, "observe-apps": never, "limit-files": never, "sweep-rollouts": never };

describe.skipIf(await lacksRedis())("maintenance", () => {
  test("lanes are reconciled while slow removals and observations run", async () => {
    await using opened = new AsyncDisposableStack();
    const { url: redisUrl } = opened.use(await startRedis());
    const removals = opened.adopt(
      new Queue(queueNames.slowMaintenance, { connection: { url: redisUrl }, prefix: keys.queuePrefix }),
      (queue) => queue.close(),
    );
    for (let index = 0; index < 6; index += 1)
      await removals.add("remove-app", { type: "remove-app", appId: `app-${index}` });
    const hang = Promise.withResolvers<void>();
    const begun: string[] = [];
    const options = {
      redisUrl,
      keys,
      name: "test",
      onError: unexpected,
    };
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
      await eventually(async () => times("remove-app") >= 2 && times("reconcile") > 3);
      const reconciled = times("reconcile");
      await expect.poll(() => times("reconcile")).toBeGreaterThan(reconciled + 3);
    } finally {
      hang.resolve();
      await stop();
    }
  });

  test("jobs that a worker whose clock was ahead scheduled for much later run in time", async () => {
    await using opened = new AsyncDisposableStack();
    const { url: redisUrl } = opened.use(await startRedis());
    const queue = opened.adopt(
      new Queue(queueNames.maintenance, { connection: { url: redisUrl }, prefix: keys.queuePrefix }),
      (one) => one.close(),
    );
    const every = 100;
    const startDate = Date.now() + never;
    const data = { type: "reconcile" };
    await queue.upsertJobScheduler("reconcile", { every, startDate }, { name: "reconcile", data });
    expect((await queue.getJobScheduler("reconcile"))?.next).toBeGreaterThan(Date.now() + never / 2);
    const reconciled = Promise.withResolvers<void>();
    const run = async ({ type }: { readonly type: string }) => {
      if (type === "reconcile") reconciled.resolve();
    };
    const stop = await startMaintenance({
      redisUrl,
      keys,
      name: "test",
      onError: unexpected,
      run,
      everyMs: { ...seldom, reconcile: every },
    });
    opened.defer(stop);
    await expect(reconciled.promise).resolves.toBeUndefined();
  });

  test("schedules of the previous version are removed from the queue of reconciling", async () => {
    await using opened = new AsyncDisposableStack();
    const { url: redisUrl } = opened.use(await startRedis());
    const former = opened.adopt(
      new Queue(queueNames.maintenance, { connection: { url: redisUrl }, prefix: keys.queuePrefix }),
      (queue) => queue.close(),
    );
    await former.upsertJobScheduler("observe-apps", { every: never }, { name: "observe-apps" });
    const options = { redisUrl, keys, name: "test", onError: unexpected, run: async () => {} };
    const stop = await startMaintenance({ ...options, everyMs: seldom });
    await stop();
    expect((await former.getJobSchedulers()).map(({ key }) => key)).toEqual(["reconcile"]);
  });
});
