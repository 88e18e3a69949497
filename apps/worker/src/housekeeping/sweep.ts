// Removes what dead attempts left on the build engine and on the engines that run releases.

import { isFinal, label } from "@slipway/core";
import type { Deployment, Labels } from "@slipway/core";
import type { Platform } from "../platform.ts";
import { requestStops } from "./former-rollouts.ts";

/** Removes build containers of ended attempts on this worker's engine, including those of other workers. */
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
 * Removes rollouts that ended attempts started and did not promote, and requests a stop of former rollouts. A rollout that was
 * started meanwhile has a higher attempt and is kept.
 */
export async function sweepRollouts(
  platform: Pick<Platform, "scheduler" | "store" | "housekeeping" | "logger">,
): Promise<void> {
  const { scheduler, store } = platform;
  const listed = await scheduler.list();
  const listedIds = new Set(listed.map(({ rolloutId }) => rolloutId));
  for (const { appId, rolloutId, attempt } of listed) {
    // Read before the app: work that ends in between has put its rollout in service, or removed it, before its end.
    const busy =
      (await store.deployments.running(appId)) !== null || (await store.operations.running(appId)) !== null;
    const app = busy ? null : await store.apps.get(appId);
    // A missing app does not prove a removal: the worker may use another database. Its rollouts are kept.
    if (app === null || app.currentRolloutId === rolloutId) continue;
    await scheduler.discard(appId, rolloutId, { attempt });
    // If the current rollout does not run, a restored database may name an old one: running rollouts are kept.
    if (app.webCount === 0 || listedIds.has(app.currentRolloutId ?? ""))
      await requestStops(platform, [{ appId, rolloutId, attempt }]);
  }
}
