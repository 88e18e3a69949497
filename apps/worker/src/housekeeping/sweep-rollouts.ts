// Removes the rollouts of dead attempts from the scheduler, and requests stops of those that were replaced.

import type { Scheduler, Store } from "@slipway/core";
import { requestStops } from "./former-rollouts.ts";
import type { RequestStopsContext } from "./former-rollouts.ts";
import { appsById } from "./sweep.ts";

export type SweepRolloutsContext = RequestStopsContext & {
  readonly scheduler: Pick<Scheduler, "list" | "discard">;
  readonly store: Pick<Store, "apps" | "deployments" | "operations">;
};

/**
 * Removes rollouts that ended attempts started and did not promote, and requests a stop of former rollouts. A rollout that was
 * started meanwhile has a higher attempt and is kept.
 */
export async function sweepRollouts(context: SweepRolloutsContext): Promise<void> {
  const { scheduler, store } = context;
  const listed = await scheduler.list();
  const listedIds = new Set(listed.map(({ rolloutId }) => rolloutId));
  // Read before the apps: work that ends in between has put its rollout in service, or removed it, before its end.
  const running = [...(await store.deployments.runningEntries()), ...(await store.operations.allRunning())];
  const busy = new Set(running.map(({ appId }) => appId));
  const apps = await appsById(
    store,
    listed.filter(({ appId }) => !busy.has(appId)),
  );
  for (const { appId, rolloutId, attempt } of listed) {
    const app = apps.get(appId);
    // A missing app does not prove a removal: the worker may use another database. Its rollouts are kept.
    if (app === undefined || app.currentRolloutId === rolloutId) continue;
    await scheduler.discard(appId, rolloutId, { attempt });
    // If the current rollout does not run, a restored database may name an old one: running rollouts are kept.
    if (app.webCount === 0 || listedIds.has(app.currentRolloutId ?? ""))
      await requestStops(context, [{ appId, rolloutId, attempt }]);
  }
}
