// Removes the build containers and rollouts of dead attempts from the engines.

import { isFinal, label } from "@slipway/core";
import type { BuildEngine, Deployment, Labels, Scheduler, Store } from "@slipway/core";
import { requestStops } from "./former-rollouts.ts";
import type { RequestStopsContext } from "./former-rollouts.ts";

export interface SweepSandboxesContext {
  readonly engine: Pick<BuildEngine, "listSandboxes" | "removeSandboxes">;
  readonly store: Pick<Store, "deployments">;
}

export type SweepRolloutsContext = RequestStopsContext & {
  readonly scheduler: Pick<Scheduler, "list" | "discard">;
  readonly store: Pick<Store, "apps" | "deployments" | "operations">;
};

/** Sweeps both periodically. Dispose of it to stop: a sweep that runs is not awaited. */
export function startSweeps(
  context: SweepSandboxesContext & SweepRolloutsContext,
  everyMs: number,
): Disposable {
  const warn = (message: string) => (error: unknown) => context.logger.warn({ err: error }, message);
  const timer = setInterval(() => {
    sweepSandboxes(context).catch(warn("cannot sweep the engine"));
    sweepRollouts(context).catch(warn("cannot sweep releases"));
  }, everyMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Removes build containers of ended attempts on this worker's engine, including those of other workers. */
export async function sweepSandboxes({ engine, store }: SweepSandboxesContext): Promise<void> {
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
export async function sweepRollouts(context: SweepRolloutsContext): Promise<void> {
  const { scheduler, store } = context;
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
      await requestStops(context, [{ appId, rolloutId, attempt }]);
  }
}
