import { describe, expect, test } from "vitest";
import { openLanes } from "@slipway/queue";
import { anApp, lacksRedis, testTime, unexpected } from "@slipway/testkit";
import { openTestContext } from "../../test-support/test-context.ts";
import { reconcileAll } from "./maintenance.ts";

describe.skipIf(await lacksRedis())("maintenance", () => {
  test("a failure to announce events does not prevent that removals of deleted apps are resumed", async () => {
    await using opened = new AsyncDisposableStack();
    const parts = await openTestContext(opened, { discard: async () => undefined });
    const { config, keys, store } = parts;
    const { apps, deployments, operations } = store;
    const { redisUrl } = config;
    const lanes = opened.use(
      openLanes({ redisUrl, keys, apps, deployments, operations, onError: unexpected }),
    );
    const nothing = { run: async () => undefined, exhaust: async () => undefined };
    const failure = new Error("the store does not respond");
    const context = {
      ...parts,
      engine: { removeSandboxes: async () => 0 },
      lanes,
      work: { deploy: nothing, operate: nothing },
      announcer: { announce: () => Promise.reject(failure) },
      onError: unexpected,
    };
    const deleted = anApp({ deletedAt: testTime });
    await store.apps.create(deleted);
    await expect(reconcileAll(context)).rejects.toMatchObject({ errors: [failure] });
    const jobs = await Promise.all(lanes.queues.map((queue) => queue.getJobs()));
    expect(jobs.flat().map(({ data }) => data)).toEqual([{ type: "remove-app", appId: deleted.id }]);
  });
});
