// Removes the rollouts of dead attempts from the scheduler, and requests stops of replaced rollouts.

import type { Scheduler, Store } from "@slipway/core";
import { requestStops } from "./former-rollouts.ts";
import type { RequestStopsContext } from "./former-rollouts.ts";
import { appsById } from "./sweep.ts";

export type SweepRolloutsContext = RequestStopsContext & {
  readonly scheduler: Pick<Scheduler, "list" | "discard">;
  readonly store: Pick<Store, "apps" | "deployments" | "operations">;
};

/**
 * Removes rollouts that ended attempts started and did not promote, and requests a stop of former rollouts. A rollout that is started
 * during the sweep has a higher attempt number and is kept.
 */
export async function sweepRollouts(context: SweepRolloutsContext): Promise<void> {
  const { scheduler, store } = context;
  const listed = await scheduler.list();
  const listedIds = new Set(listed.map(({ rolloutId }) => rolloutId));
  // Read before the apps: if work ends between the reads, it has put its rollout into service, or removed it, before its end.
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
    // If the current rollout does not run, a restored database may name an old rollout. Running rollouts are then kept.
    if (app.webCount === 0 || listedIds.has(app.currentRolloutId ?? ""))
      await requestStops(context, [{ appId, rolloutId, attempt }]);
  }
}
