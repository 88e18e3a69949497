// The one step that changes what serves an app, for deployments and operations alike: the app is pointed at a rollout that is
// up, routers confirm the cutover, and what served before is asked to stop, which nobody waits for.

import { changeApp, notFound } from "@slipway/core";
import type { Address, App } from "@slipway/core";
import { requestStops } from "../housekeeping/former-rollouts.ts";
import { noteInstances } from "../housekeeping/observe.ts";
import type { Platform } from "../platform.ts";
import { awaitCutover } from "./cutover.ts";

/** A rollout that is up. */
interface Rollout {
  readonly app: App;
  readonly rolloutId: string;
  /** How many instances it was started with: from now on the number the app has. */
  readonly count: number;
  /** Who started it: the hold on the deployment or the operation. It rejects with "lease-lost" once that is another's. */
  readonly holder: { check(): Promise<void> };
  /** Ends the wait for the routers; whoever continues waits again. */
  readonly signal: AbortSignal;
}

export interface NextRollout extends Rollout {
  readonly releaseId: string;
  readonly targets: readonly Address[];
  /** Null when nothing was deployed. */
  readonly lastDeployedAt: Date | null;
}

/** May be repeated, also by a later attempt. @throws {SlipwayError} "lease-lost", "not-found" when the app is gone. */
export async function putInService(platform: Platform, next: NextRollout): Promise<void> {
  await point(platform, next);
  await promote(platform, next);
}

/** Replaces all other rollouts of the app, so it is for the holder of its lane: the next one's may be starting by now. */
export async function promote(
  platform: Platform,
  { app, rolloutId, count, holder, signal }: Rollout,
): Promise<void> {
  await awaitCutover(platform, { appId: app.id, rolloutId }, signal);
  await holder.check();
  await requestStops(platform, await platform.scheduler.promote(app.id, rolloutId, { count }));
  await noteInstances(platform, app.id);
}

async function point({ store, now }: Platform, next: NextRollout): Promise<void> {
  const { releaseId, rolloutId, targets, count } = next;
  for (;;) {
    const app = await store.apps.get(next.app.id);
    if (app === null) throw notFound("app");
    // After the app was read: whoever takes over from here on changes the app too, and the change below fails.
    await next.holder.check();
    const facts = { currentReleaseId: releaseId, currentRolloutId: rolloutId, targets, webCount: count };
    const lastDeployedAt = next.lastDeployedAt ?? app.lastDeployedAt;
    if (await store.apps.compareAndSet(changeApp(app, now(), { ...facts, lastDeployedAt }))) return;
  }
}
