// Deletes an app: its name is available at once, its deployments are aborted, and workers remove its resources.

import type { App } from "@slipway/core";
import { abortOfDeletedApp } from "./abort.ts";
import { updateLiveApp } from "./compare-and-set.ts";
import type { LaneContext } from "./ports.ts";

const batchSize = 100;

/** Idempotent. First marks the app as deleted. */
export async function deleteApp(context: LaneContext, app: App): Promise<void> {
  const { store, lanes, notify, now } = context;
  const deletedAt = now();
  await updateLiveApp(store.apps, app.id, deletedAt, () => ({ deletedAt }));
  await abortAllOfDeletedApp(context, app.id);
  await notify("notify the workers of an app's removal", () => lanes.requestRemoval(app.id));
}

/** Idempotent. Aborts the queued deployments first, so that none of them starts when the running one ends. */
export async function abortAllOfDeletedApp(context: LaneContext, appId: string): Promise<void> {
  const { deployments } = context.store;
  for (let previousHead = ""; ;) {
    const lane = await deployments.lane(appId, batchSize);
    for (const { id } of lane) await abortOfDeletedApp(context, id);
    const head = lane[0]?.id ?? "";
    // The lane is empty, or its head cannot be aborted and ends by itself.
    if (head === previousHead) break;
    previousHead = head;
  }
  const running = await deployments.running(appId);
  if (running !== null) await abortOfDeletedApp(context, running.id);
}
