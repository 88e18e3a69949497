// The one step that changes the rollout that serves an app, for deployments and operations alike: the store points the app
// to a running rollout, routers confirm the cutover, and a stop of the former rollouts is requested without waiting for it.

import { changeApp, notFound } from "@slipway/core";
import type { Address, App, Scheduler, Store } from "@slipway/core";
import { requestStops } from "../housekeeping/former-rollouts.ts";
import type { RequestStopsContext } from "../housekeeping/former-rollouts.ts";
import { noteInstances } from "../housekeeping/observe.ts";
import type { InstancesContext } from "../housekeeping/observe.ts";
import { requestPromotion } from "../housekeeping/promote-rollout.ts";
import { awaitCutover } from "./cutover.ts";
import type { CutoverContext } from "./cutover.ts";

export type PromoteContext = CutoverContext &
  RequestStopsContext &
  InstancesContext & { readonly scheduler: Pick<Scheduler, "promote"> };
type PointContext = { readonly store: Pick<Store, "apps">; readonly now: () => Date };
export type PutInServiceContext = PointContext & PromoteContext;

/** A rollout whose instances accept connections, and the lease of the work that started it. */
interface StartedRollout {
  readonly app: App;
  readonly rolloutId: string;
  /** The number of instances that were started. It becomes the app's web count. */
  readonly count: number;
  /** The lease on the deployment or the operation. `check` rejects with "lease-lost" once another attempt holds the lease. */
  readonly holder: { check(): Promise<void> };
  /** When aborted, ends the wait for the routers; the next attempt waits again. */
  readonly signal: AbortSignal;
}

export interface NextRollout extends StartedRollout {
  readonly releaseId: string;
  readonly targets: readonly Address[];
  /** Null if nothing was deployed. */
  readonly lastDeployedAt: Date | null;
}

/** Idempotent, also across attempts. @throws {SlipwayError} "lease-lost", "not-found" when the app was deleted. */
export async function putInService(context: PutInServiceContext, next: NextRollout): Promise<void> {
  await point(context, next);
  await promote(context, next);
}

/**
 * Replaces all other rollouts of the app. Only the holder of the app's lease may call it, because the next holder's rollout may be
 * starting. When it fails and no attempt is left, housekeeping promotes the rollout.
 */
export async function promote(context: PromoteContext, rollout: StartedRollout): Promise<void> {
  try {
    await replaceFormer(context, rollout);
  } catch (error) {
    await requestPromotion(context, { appId: rollout.app.id, rolloutId: rollout.rolloutId });
    throw error;
  }
}

async function replaceFormer(
  context: PromoteContext,
  { app, rolloutId, count, holder, signal }: StartedRollout,
): Promise<void> {
  await awaitCutover(context, { appId: app.id, rolloutId }, signal);
  await holder.check();
  await requestStops(context, await context.scheduler.promote(app.id, rolloutId, { count }));
  await noteInstances(context, app.id);
}

async function point({ store, now }: PointContext, next: NextRollout): Promise<void> {
  const { releaseId, rolloutId, targets, count } = next;
  for (;;) {
    const app = await store.apps.get(next.app.id);
    if (app === null) throw notFound("app");
    // Checked after the app was read: if an attempt takes over later, it also changes the app, so the change below fails.
    await next.holder.check();
    const facts = { currentReleaseId: releaseId, currentRolloutId: rolloutId, targets, webCount: count };
    const lastDeployedAt = next.lastDeployedAt ?? app.lastDeployedAt;
    if (await store.apps.compareAndSet(changeApp(app, now(), { ...facts, lastDeployedAt }))) return;
  }
}
