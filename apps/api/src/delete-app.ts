// Deletes an app: it is gone for everybody at once, its deployments end, and workers take its parts away.

import { createHash } from "node:crypto";
import { changeStatus, isFinal } from "@slipway/core";
import type { App, Deployment } from "@slipway/core";
import { announceAbort, announceRemoval } from "./announce.ts";
import { changeDeployment, changeLiveApp } from "./change.ts";
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

/** Ends a deployment of a deleted app. One whose release is in service already is left to end by itself. */
export async function abortOfDeleted(platform: Platform, id: string): Promise<void> {
  const { store, now } = platform;
  const aborted = await changeDeployment(store, id, (deployment) =>
    isFinal(deployment.status) || deployment.releaseId !== null ? null : abortedNow(deployment, now()),
  );
  if (aborted !== null) await announceAbort(platform, aborted);
}

/** One that no worker ever had has an empty log; any other's is closed by who writes it. */
function abortedNow(deployment: Deployment, at: Date): Deployment {
  const failure = { code: "aborted", message: "the app was deleted" } as const;
  if (deployment.attempt > 0) {
    return changeStatus(deployment, "aborted", { at, lineCount: null, facts: { failure } });
  }
  const facts = { failure, logLineCount: 0, logSha256: createHash("sha256").digest("hex") };
  return changeStatus(deployment, "aborted", { at, lineCount: 0, facts });
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
