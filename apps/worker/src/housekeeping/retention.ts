// Removes old deployments with their logs and releases. A pass examines a limited number of apps and removes a limited number of
// deployments, so its cost does not grow with the installation. The next pass continues with the next app.

import type { RedisConnection } from "@slipway/bus";
import { isFinal } from "@slipway/core";
import type { App, Deployment, Release, Store } from "@slipway/core";
import type { RedisKeys } from "@slipway/protocol";
import type { WorkerConfig } from "../config.ts";
import { digestOf, keptReleases } from "./prune-images.ts";
import type { KeptReleasesContext } from "./prune-images.ts";

export interface RetentionContext extends KeptReleasesContext {
  readonly store: KeptReleasesContext["store"] & Pick<Store, "logs" | "receipts">;
  readonly redis: RedisConnection;
  readonly keys: Pick<RedisKeys, "retentionCursor">;
  readonly config: KeptReleasesContext["config"] & Pick<WorkerConfig, "deploymentsKept">;
  readonly now: () => Date;
}

/** Limits of one pass. */
interface PassLimits {
  readonly apps: number;
  readonly deployments: number;
}

/** Six passes an hour cover 100,000 apps in less than a day. */
const passLimits: PassLimits = { apps: 1_000, deployments: 10_000 };
/** Number of deployments removed in one transaction. Other writers of the database wait for its end. */
const batch = 100;

/**
 * Removes deployments that ended before the configured age, except each app's newest ones and those whose release may be deployed again.
 * Idempotent: an interrupted pass is repeated.
 */
export async function removeOldDeployments(
  context: RetentionContext,
  limits: PassLimits = passLimits,
): Promise<void> {
  const { store, redis, keys, config, now } = context;
  const before = new Date(now().getTime() - config.deploymentsKept.ageMs);
  const after = (await redis.get(keys.retentionCursor)) ?? "";
  const appIds = await store.apps.ids(after, limits.apps);
  let rest = limits.deployments;
  let examined = after;
  for (const appId of appIds) {
    const removed = await removeOldOfApp(context, appId, { before, limit: rest });
    rest -= removed;
    // The app may have more old deployments: the next pass begins with this app.
    if (rest <= 0) break;
    examined = appId;
  }
  // At the end of the list, the next pass starts from the beginning.
  const isEnd = appIds.length < limits.apps && rest > 0;
  await redis.set(keys.retentionCursor, isEnd ? "" : examined);
}

/** @returns the number of removed deployments, which exceeds `limit` by at most one batch. */
async function removeOldOfApp(
  context: RetentionContext,
  appId: string,
  { before, limit }: { readonly before: Date; readonly limit: number },
): Promise<number> {
  const { store, config } = context;
  const window = { kept: config.deploymentsKept.minCount };
  const [oldest] = await store.deployments.oldest(appId, { ...window, limit: 1 });
  if (oldest === undefined || !isOld(oldest, before)) return 0;
  const app = await store.apps.get(appId);
  if (app === null) return 0;
  const releases = await neededReleases(context, app);
  const needed = new Set(releases.map(({ deploymentId }) => deploymentId));
  let removed = 0;
  for (;;) {
    const found = await store.deployments.oldest(appId, { ...window, limit: batch });
    const old = found.slice(
      0,
      untilFirst(found, (deployment) => !isOld(deployment, before)),
    );
    const last = old.at(-1);
    if (last === undefined) return removed;
    // Deployments that an earlier pass kept because their releases were still needed.
    const leftOver = await store.deployments.before(appId, old[0]?.number ?? 0, batch);
    const ids = [...leftOver, ...old].map(({ id }) => id).filter((id) => !needed.has(id));
    await removeAll(store, app, ids, { completeFrom: last.number + 1, keptImages: releases.map(digestOf) });
    removed += ids.length;
    if (removed >= limit || old.length < batch) return removed;
  }
}

/** The releases that serve or may be deployed again. */
async function neededReleases(context: RetentionContext, app: App): Promise<readonly Release[]> {
  const kept = await keptReleases(context, app);
  // The current release may be older than all releases that are searched.
  const current =
    app.currentReleaseId === null ? null : await context.store.releases.get(app.currentReleaseId);
  return [...kept, ...(current === null ? [] : [current])];
}

/**
 * Removes the deployments last, because an interrupted removal is resumed from them. Keeps the receipt of an image that newer deployments
 * may use again.
 */
async function removeAll(
  store: RetentionContext["store"],
  { id: appId }: App,
  deploymentIds: readonly string[],
  { completeFrom, keptImages }: { readonly completeFrom: number; readonly keptImages: readonly string[] },
): Promise<void> {
  await store.logs.remove(deploymentIds);
  await store.receipts.removeOfDeployments(appId, deploymentIds, keptImages);
  await store.releases.removeOfDeployments(deploymentIds);
  await store.deployments.removeOld(appId, deploymentIds, completeFrom);
}

function isOld({ status, finishedAt }: Deployment, before: Date): boolean {
  return isFinal(status) && finishedAt !== null && finishedAt < before;
}

/** The number of items before the first match. */
function untilFirst<Item>(items: readonly Item[], fits: (item: Item) => boolean): number {
  const at = items.findIndex(fits);
  return at === -1 ? items.length : at;
}
