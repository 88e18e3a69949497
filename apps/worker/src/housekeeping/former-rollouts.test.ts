import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { claimOperation } from "@slipway/core";
import type { App, ListedRollout } from "@slipway/core";
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
import type { Platform } from "../platform.ts";
import { testPlatform } from "../../test-support/test-context.ts";

describe.skipIf(await lacksRedis())("a request to stop a rollout", () => {
  let opened: AsyncDisposableStack;
  let platform: Platform;
  let app: App;
  let there: ListedRollout[];
  let stopped: string[];

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    there = [];
    stopped = [];
    platform = await testPlatform(opened, {
      list: async () => there,
      stop: async ({ rolloutId, attempt }) => void stopped.push(`${rolloutId} ${attempt}`),
    });
    app = anApp({ currentRolloutId: "current" });
    await platform.store.apps.create(app);
  });
  afterEach(() => opened.disposeAsync());

  const stop = (rolloutId: string, attempt = 1) => {
    const { signal } = new AbortController();
    return stopFormerRollout(platform, { appId: app.id, rolloutId, attempt }, signal);
  };

  test("is done for one that was replaced", async () => {
    await stop("former");
    expect(stopped).toEqual(["former 1"]);
  });

  test("is not done for the one that serves, but for an earlier start of it", async () => {
    await stop("current", 2);
    expect(stopped).toEqual([]);
    there = [{ appId: app.id, releaseId: "r", rolloutId: "current", attempt: 2 }];
    await stop("current", 1);
    expect(stopped).toEqual(["current 1"]);
  });

  test("is not done for one that a deployment or an operation is starting", async () => {
    const { store } = platform;
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
