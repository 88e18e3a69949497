// Removes what dead attempts left on the build engine and on the engines that run releases.

import { isFinal, label } from "@slipway/core";
import type { Deployment, Labels } from "@slipway/core";
import type { Platform } from "../platform.ts";
import { requestStops } from "./former-rollouts.ts";

/** Removes build containers on this worker's engine whose attempt is over, whoever started them. */
export async function sweepSandboxes({ engine, store }: Platform): Promise<void> {
  for (const labels of await engine.listSandboxes()) {
    const deployment = await store.deployments.get(labels[label.deployment] ?? "");
    if (hasEnded(deployment, labels)) await engine.removeSandboxes(labels);
  }
}

function hasEnded(deployment: Deployment | null, labels: Labels): boolean {
  return (
    deployment === null || isFinal(deployment.status) || Number(labels[label.attempt]) < deployment.attempt
  );
}

/**
 * Removes what attempts that are over started and did not promote, on whatever engine or swarm releases run, and asks for former
 * rollouts to be stopped. What was started meanwhile has a higher attempt and stays.
 */
export async function sweepRollouts(
  platform: Pick<Platform, "scheduler" | "store" | "housekeeping" | "logger">,
): Promise<void> {
  const { scheduler, store } = platform;
  const known = await scheduler.list();
  const there = new Set(known.map(({ rolloutId }) => rolloutId));
  for (const { appId, rolloutId, attempt } of known) {
    // One that ends meanwhile has put its rollout in service, or removed it, before: so it is asked for first.
    const busy =
      (await store.deployments.running(appId)) !== null || (await store.operations.running(appId)) !== null;
    const app = busy ? null : await store.apps.get(appId);
    // Of an app that is nowhere nothing is known, not even that it is gone: another database may be meant.
    if (app === null || app.currentRolloutId === rolloutId) continue;
    await scheduler.discard(appId, rolloutId, { attempt });
    // Of an app whose current rollout is nowhere, a database that was restored may name an old one: what runs stays.
    if (app.webCount === 0 || there.has(app.currentRolloutId ?? ""))
      await requestStops(platform, [{ appId, rolloutId, attempt }]);
  }
}
