import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RolloutSpec } from "@slipway/core";
import { openDockerScheduler } from "@slipway/scheduler";
import { openSqliteStore } from "@slipway/store";
import {
  aNewDeployment,
  anApp,
  lacksEngine,
  newInstallation,
  stepsTo,
  testEngine,
  testTime,
} from "@slipway/testkit";
import { describe, expect, test } from "vitest";
import { sweepRollouts } from "./upkeep.ts";

const listening =
  "exec perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 5) or die; sleep'";

describe.skipIf(await lacksEngine())("a sweep of releases", () => {
  test("removes what dead attempts left, and neither what serves nor what is being started", async () => {
    await using opened = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "slipway-sweep-"));
    opened.defer(() => rm(folder, { recursive: true }));
    const store = opened.use(await openSqliteStore({ path: join(folder, "slipway.db") }));
    const { dockerHost, stackImage } = await testEngine();
    const installation = opened.use(newInstallation());
    const scheduler = opened.use(openDockerScheduler({ installationId: installation.id, dockerHost }));
    const start = async (appId: string, rolloutId: string = randomUUID()): Promise<string> => {
      const { signal } = new AbortController();
      await scheduler.start(rollout(appId, rolloutId, stackImage), { signal, onOutput: () => undefined });
      return rolloutId;
    };

    const serving = anApp({ currentRolloutId: randomUUID() });
    const busy = anApp();
    for (const app of [serving, busy]) await store.apps.create(app);
    const queued = await store.deployments.create(aNewDeployment({ appId: busy.id }));
    for (const step of stepsTo(queued, "starting", testTime)) await store.deployments.compareAndSet(step);

    const current = await start(serving.id, serving.currentRolloutId ?? "");
    const left = await start(serving.id);
    const starting = await start(busy.id);
    const unknown = await start(randomUUID());
    await sweepRollouts({ scheduler, store });
    const there = (await scheduler.list()).map(({ rolloutId }) => rolloutId);
    expect(there.toSorted()).toEqual([current, starting, unknown].toSorted());
    expect(there).not.toContain(left);
  });
});

function rollout(appId: string, rolloutId: string, image: string): RolloutSpec {
  return {
    appId,
    appName: "swept",
    releaseId: rolloutId,
    releaseNumber: 1,
    rolloutId,
    count: 1,
    deploymentId: null,
    attempt: 1,
    image,
    command: ["bash", "-c", listening],
    processType: "web",
    environment: {},
    limits: { memoryBytes: 128 * 1024 ** 2, cpus: 1, pids: 64 },
    bootTimeoutMs: 20_000,
    hostname: null,
  };
}
