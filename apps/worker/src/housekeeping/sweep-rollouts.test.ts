import { randomUUID } from "node:crypto";
import type { RolloutSpec } from "@slipway/core";
import { openDockerScheduler } from "@slipway/scheduler";
import {
  aNewDeployment,
  aRollout,
  anApp,
  lacksEngine,
  lacksRedis,
  newInstallation,
  stepsTo,
  testEngine,
  testTime,
} from "@slipway/testkit";
import { describe, expect, test } from "vitest";
import { openTestContext } from "../../test-support/test-context.ts";
import { sweepRollouts } from "./sweep-rollouts.ts";

const listening =
  "exec perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 5) or die; sleep'";

describe.skipIf((await lacksEngine()) || (await lacksRedis()))("a sweep of releases", () => {
  test("a sweep removes rollouts of dead attempts and stops replaced ones, but none that serves or starts", async () => {
    await using opened = new AsyncDisposableStack();
    const { dockerHost, stackImage } = await testEngine();
    const installation = opened.use(newInstallation());
    const scheduler = opened.use(
      openDockerScheduler({ installationId: installation.id, dockerHost, watchImage: stackImage }),
    );
    const context = await openTestContext(opened, scheduler);
    const { store } = context;
    const start = async (appId: string, rolloutId: string = randomUUID()): Promise<string> => {
      const { signal } = new AbortController();
      await scheduler.start(rollout(appId, rolloutId, stackImage), { signal, onOutput: () => undefined });
      return rolloutId;
    };

    const promoted = async (appId: string): Promise<string> => {
      const rolloutId = await start(appId);
      await scheduler.promote(appId, rolloutId, { count: 1 });
      return rolloutId;
    };

    const serving = anApp({ currentRolloutId: randomUUID() });
    const busy = anApp();
    const restored = anApp({ currentRolloutId: randomUUID() });
    const stopped = anApp({ currentRolloutId: randomUUID(), webCount: 0 });
    for (const app of [serving, busy, restored, stopped]) await store.apps.create(app);
    const queued = await store.deployments.create(aNewDeployment({ appId: busy.id }));
    for (const step of stepsTo(queued, "starting", testTime)) await store.deployments.compareAndSet(step);

    const current = await start(serving.id, serving.currentRolloutId ?? "");
    const left = await start(serving.id);
    const starting = await start(busy.id);
    const unknown = await start(randomUUID());
    const replaced = [await promoted(serving.id), await promoted(stopped.id)];
    const others = [await promoted(busy.id), await promoted(restored.id)];
    await sweepRollouts(context);
    const listed = (await scheduler.list()).map(({ rolloutId }) => rolloutId);
    expect(listed.toSorted()).toEqual([current, starting, unknown, ...replaced, ...others].toSorted());
    expect(listed).not.toContain(left);
    const jobs = await context.housekeeping.queue.getJobs(["waiting"]);
    const requested = jobs.flatMap(({ data }) => (data.type === "stop-rollout" ? [data.rolloutId] : []));
    expect(requested.filter((id) => id !== left).toSorted()).toEqual(replaced.toSorted());
  });
});

function rollout(appId: string, rolloutId: string, image: string): RolloutSpec {
  const command = ["bash", "-c", listening];
  return aRollout({ appId, releaseId: rolloutId, image, command });
}
