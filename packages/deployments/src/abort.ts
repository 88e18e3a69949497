// Aborts a deployment from outside: the store first, then its worker and its followers, then its log.

import { createHash } from "node:crypto";
import { changeStatus, failureOf, isFinal } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import { sealAborted } from "./close.ts";
import { updateDeployment } from "./compare-and-set.ts";
import type { LaneContext } from "./ports.ts";

const appDeleted = failureOf({ code: "aborted", message: "the app was deleted" });
const emptyLog = { lineCount: 0, sha256: createHash("sha256").digest("hex") } as const;

/**
 * Aborts a queued or running deployment. A worker that holds its job removes its container and closes its log; without such a
 * worker, the log is closed here.
 * @param reason completes "Aborted: …".
 * @returns the deployment's current state, null when it does not exist. A final deployment remains unchanged.
 * @throws {SlipwayError} "conflict" when its release is going live.
 */
export async function abortDeployment(
  context: LaneContext,
  id: string,
  reason: string,
): Promise<Deployment | null> {
  const aborted = await abortIf(context, id, reason, ({ status }) => !isFinal(status));
  return aborted ?? context.store.deployments.get(id);
}

/** Aborts a deployment if it is still queued. */
export async function abortQueued(context: LaneContext, id: string, reason: string): Promise<void> {
  await abortIf(context, id, reason, ({ status }) => status === "queued");
}

/** Aborts a deployment of a deleted app, whose log no user can read. A deployment whose release is going live is left to end by itself. */
export async function abortOfDeletedApp(context: LaneContext, id: string): Promise<void> {
  const aborted = await updateDeployment(context.store.deployments, id, (deployment) =>
    isFinal(deployment.status) || deployment.releaseId !== null
      ? null
      : abortedOfDeletedApp(deployment, context.now()),
  );
  if (aborted !== null) await notifyAborted(context, aborted);
}

/** A deployment without an attempt has an empty log, which is sealed in the same write; any other log is closed by its writer. */
function abortedOfDeletedApp(deployment: Deployment, at: Date): Deployment {
  if (deployment.attempt > 0) {
    return changeStatus(deployment, "aborted", { at, lineCount: null, facts: { failure: appDeleted } });
  }
  const { lineCount, sha256 } = emptyLog;
  const facts = { failure: appDeleted, logLineCount: lineCount, logSha256: sha256 };
  return changeStatus(deployment, "aborted", { at, lineCount, facts });
}

async function abortIf(
  context: LaneContext,
  id: string,
  reason: string,
  applies: (deployment: Deployment) => boolean,
): Promise<Deployment | null> {
  const { store, now, notify } = context;
  let wasQueued = false;
  const aborted = await updateDeployment(store.deployments, id, (deployment) => {
    if (!applies(deployment)) return null;
    wasQueued = deployment.status === "queued";
    const facts = { failure: failureOf({ code: "aborted", message: reason }) };
    return changeStatus(deployment, "aborted", { at: now(), lineCount: null, facts });
  });
  if (aborted === null) return null;
  const isHeld = await notifyAborted(context, aborted);
  // A worker that takes the job of a queued deployment in the meantime finds the log closed.
  if (wasQueued || !isHeld) {
    await notify("close the log of an aborted deployment", () => sealAborted(context, aborted, reason));
  }
  return aborted;
}

/** @returns whether a worker holds the deployment's job; true also when the queue does not respond, since a worker may hold it. */
async function notifyAborted(
  { lanes, events, notify }: LaneContext,
  deployment: Deployment,
): Promise<boolean> {
  let isHeld = true;
  await notify("notify the worker of an aborted deployment", async () => {
    isHeld = await lanes.abort(deployment);
    await lanes.advanceAfter(deployment);
  });
  await notify("notify the followers of an aborted deployment", () => events.statusChanged(deployment));
  return isHeld;
}
