import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { claimOperation } from "@slipway/core";
import type { App, ListedRollout, Scheduler } from "@slipway/core";
import {
  aNewDeployment,
  aNewRelease,
  anApp,
  anOperation,
  lacksRedis,
  stepsTo,
  testTime,
} from "@slipway/testkit";
import { stopFormerRollout } from "./former-rollouts.ts";
import { openTestContext } from "../../test-support/test-context.ts";
import type { TestContext } from "../../test-support/test-context.ts";

describe.skipIf(await lacksRedis())("a request to stop a rollout", () => {
  let opened: AsyncDisposableStack;
  let context: TestContext<Pick<Scheduler, "list" | "stop">>;
  let app: App;
  let listed: ListedRollout[];
  let stopped: string[];

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    listed = [];
    stopped = [];
    context = await openTestContext(opened, {
      list: async () => listed,
      stop: async ({ rolloutId, attempt }) => void stopped.push(`${rolloutId} ${attempt}`),
    });
    app = anApp({ currentRolloutId: "current" });
    await context.store.apps.create(app);
  });
  afterEach(() => opened.disposeAsync());

  const stop = (rolloutId: string, attempt = 1) => {
    const { signal } = new AbortController();
    return stopFormerRollout(context, { appId: app.id, rolloutId, attempt }, signal);
  };

  test("a rollout that was replaced is stopped", async () => {
    await stop("former");
    expect(stopped).toEqual(["former 1"]);
  });

  test("the rollout that serves is not stopped, but an earlier start of it is", async () => {
    await stop("current", 2);
    expect(stopped).toEqual([]);
    listed = [{ appId: app.id, releaseId: "r", rolloutId: "current", attempt: 2 }];
    await stop("current", 1);
    expect(stopped).toEqual(["current 1"]);
  });

  test("a rollout that a deployment or an operation is starting is not stopped", async () => {
    const { store } = context;
    const queued = await store.deployments.create(aNewDeployment({ appId: app.id }));
    for (const step of stepsTo(queued, "starting", testTime)) await store.deployments.compareAndSet(step);
    const release = await store.releases.create(aNewRelease({ appId: app.id, deploymentId: queued.id }));
    const restart = anOperation({ appId: app.id });
    await store.operations.create(restart);
    await store.operations.compareAndSet(claimOperation(restart, 1, testTime));
    for (const id of [release.id, restart.id]) await stop(id);
    expect(stopped).toEqual([]);
    await stop("former");
    expect(stopped).toEqual(["former 1"]);
  });
});
