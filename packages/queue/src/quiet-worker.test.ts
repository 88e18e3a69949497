import { Queue } from "bullmq";
import type { Worker } from "bullmq";
import { expect, test } from "vitest";
import { eventually, lacksRedis, startRedis } from "@slipway/testkit";
import { QuietWorker } from "./quiet-worker.ts";

class SeenWorker extends QuietWorker {
  get renewsLocks(): boolean {
    return this.lockManager.isRunning();
  }
}

const name = "quiet-worker-test";
const lockDuration = 300;

test.skipIf(await lacksRedis())("the locks of jobs are renewed, and only while jobs run", async () => {
  await using opened = new AsyncDisposableStack();
  const { url } = opened.use(await startRedis());
  const connection = { url, maxRetriesPerRequest: null };
  const queue = opened.adopt(new Queue(name, { connection }), (one) => one.close());
  const started: string[] = [];
  const hang = Promise.withResolvers<void>();
  const open = () => {
    const run = async ({ id = "" }: { readonly id?: string }) => {
      started.push(id);
      await hang.promise;
    };
    const options = { connection, lockDuration, stalledInterval: lockDuration, maxStalledCount: 9 };
    return opened.adopt(new SeenWorker(name, run, options), (worker) => worker.close());
  };
  const workers = [open(), open()];
  const renewals: number[] = [];
  for (const worker of workers as readonly Worker[])
    worker.on("locksRenewed", ({ count }) => renewals.push(count));
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  expect(workers.map((worker) => worker.renewsLocks)).toEqual([false, false]);
  await queue.add("job", {}, { jobId: "one" });
  // By then both workers have looked several times for jobs whose locks have expired.
  await expect.poll(() => renewals.length, { timeout: 20 * lockDuration }).toBeGreaterThan(8);
  expect(started).toEqual(["one"]);
  expect(workers.filter((worker) => worker.renewsLocks)).toHaveLength(1);
  hang.resolve();
  await eventually(async () => (await queue.getCompletedCount()) === 1);
  await eventually(async () => workers.every((worker) => !worker.renewsLocks));
});
