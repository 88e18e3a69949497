// A queued deployment's position in its lane, the reason why it waits, and when it is likely to start.

import type { Deployment, Store } from "@slipway/core";
import type { QueueBody } from "@slipway/protocol";
import { estimatedSeconds } from "./wait-estimate.ts";
import type { MeanSeconds } from "./wait-estimate.ts";
import { appWork, fleetState, headReason, orUnknown } from "./wait-reason.ts";
import type { WaitReasonContext } from "./wait-reason.ts";

/** Positions beyond this are not exact. */
const maxLaneLength = 1_000;

export interface QueuePositionContext extends WaitReasonContext {
  readonly store: Pick<Store, "deployments" | "operations">;
  readonly meanSeconds: MeanSeconds;
  readonly now: () => Date;
}

/** @returns undefined for a deployment that is not queued. */
export async function queuePosition(
  context: QueuePositionContext,
  deployment: Deployment,
): Promise<QueueBody | undefined> {
  if (deployment.status !== "queued") return undefined;
  const lane = await context.store.deployments.lane(deployment.appId, maxLaneLength);
  const before = lane.filter(({ number }) => number < deployment.number).length;
  const other = await appWork(context.store, deployment.appId);
  const isBusy = before > 0 || other.deployment !== null || other.operation !== null;
  const position = before + 1;
  const lanes = { position, running: other.deployment, meanSeconds: await context.meanSeconds() };
  const facts = { ...lanes, before: 0, slots: 1, now: context.now() };
  if (isBusy)
    return {
      position,
      reason: "app-busy",
      estimated_seconds: estimatedSeconds({ ...facts, reason: "app-busy" }),
    };
  const waits = await orUnknown(context, async () => {
    const fleet = await fleetState(context);
    const reason = await headReason(context, deployment, fleet);
    return { reason, slots: fleet.slots, before: await context.lanes.countBefore(deployment) };
  });
  if (waits === null) return { position, reason: null, estimated_seconds: null };
  return { position, reason: waits.reason, estimated_seconds: estimatedSeconds({ ...facts, ...waits }) };
}
