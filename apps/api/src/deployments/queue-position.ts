// A queued deployment's position in its lane, and the reason why it waits.

import type { Deployment, Store } from "@slipway/core";
import type { QueueBody, WaitReason } from "@slipway/protocol";
import { appWork, fleetState, headReason, orUnknown } from "./wait-reason.ts";
import type { WaitReasonContext } from "./wait-reason.ts";

/** Positions beyond this are not exact. */
const maxLaneLength = 1_000;

export interface QueuePositionContext extends WaitReasonContext {
  readonly store: Pick<Store, "deployments" | "operations">;
}

/** As this field has named the reasons since before it distinguished them. */
const namesOfField: Partial<Record<WaitReason, QueueBody["reason"]>> = {
  "app-busy": "app-busy",
  "owner-slots": "owner-slots",
  "no-worker": "no-worker",
};

/** @returns undefined for a deployment that is not queued. */
export async function queuePosition(
  context: QueuePositionContext,
  deployment: Deployment,
): Promise<QueueBody | undefined> {
  if (deployment.status !== "queued") return undefined;
  const lane = await context.store.deployments.lane(deployment.appId, maxLaneLength);
  const before = lane.filter(({ number }) => number < deployment.number).length;
  const other = await appWork(context.store, deployment.appId);
  const busy = before > 0 || other.deployment !== null || other.operation !== null;
  const reason = busy
    ? "app-busy"
    : await orUnknown(context, async () => headReason(context, deployment, await fleetState(context)));
  return {
    position: before + 1,
    reason: reason === null ? null : (namesOfField[reason] ?? "workers-busy"),
  };
}
