// Deletes an app: it is gone for everybody at once, its deployments end, and workers take its parts away.

import type { App } from "@slipway/core";
import { abortOfDeleted } from "./abort.ts";
import { announceRemoval } from "./announce.ts";
import { changeLiveApp } from "./change.ts";
import type { Platform } from "./platform.ts";

const batch = 100;

/** Repeating is fine. The name is free as soon as the app is marked, which comes first. */
export async function deleteApp(platform: Platform, app: App): Promise<void> {
  const { store, now } = platform;
  const deletedAt = now();
  await changeLiveApp(store, app.id, deletedAt, () => ({ deletedAt }));
  await abortAll(platform, app.id);
  await announceRemoval(platform, app.id);
}

/** The waiting ones go first, so that none of them takes the place of the running one. */
async function abortAll(platform: Platform, appId: string): Promise<void> {
  const { deployments } = platform.store;
  for (let before = ""; ;) {
    const lane = await deployments.lane(appId, batch);
    for (const { id } of lane) await abortOfDeleted(platform, id);
    const head = lane[0]?.id ?? "";
    // An empty lane, or a head that is left to end by itself.
    if (head === before) break;
    before = head;
  }
  const running = await deployments.running(appId);
  if (running !== null) await abortOfDeleted(platform, running.id);
}
