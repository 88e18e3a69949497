// Why a queued deployment waits.

import type { Deployment, Store } from "@slipway/core";
import type { WaitReason } from "@slipway/protocol";
import type { Lanes } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import type { ApiContext } from "../api-context.ts";

export interface WaitReasonContext extends Pick<ApiContext, "listWorkers"> {
  readonly lanes: Pick<Lanes, "hasSlot" | "isPaused" | "jobState">;
  readonly logger: Pick<Logger, "warn">;
}

/** What holds for all waiting deployments at one time. */
export interface FleetState {
  readonly isPaused: boolean;
  readonly hasWorker: boolean;
}

/** @throws {SlipwayError} "queue-unavailable". */
export async function fleetState({ listWorkers, lanes }: WaitReasonContext): Promise<FleetState> {
  const [workers, isPaused] = await Promise.all([listWorkers(), lanes.isPaused()]);
  return { isPaused, hasWorker: workers.some(({ state }) => state === "ready") };
}

/** Why the first deployment in the lane of an idle app waits. @throws {SlipwayError} "queue-unavailable". */
export async function headReason(
  { lanes }: Pick<WaitReasonContext, "lanes">,
  { id, ownerId }: Pick<Deployment, "id" | "ownerId">,
  fleet: FleetState,
): Promise<WaitReason> {
  if (!fleet.hasWorker) return "no-worker";
  if (fleet.isPaused) return "queue-paused";
  if ((await lanes.jobState(id)) === "live") return "build-slots";
  return (await lanes.hasSlot(ownerId)) ? "build-slots" : "owner-slots";
}

/** @returns the reason; null if Redis does not answer, which is logged. */
export async function orUnknown<Reason>(
  { logger }: Pick<WaitReasonContext, "logger">,
  find: () => Promise<Reason>,
): Promise<Reason | null> {
  try {
    return await find();
  } catch (error) {
    logger.warn({ err: error }, "cannot determine why a deployment waits");
    return null;
  }
}

/** What else of the app goes first; each null without one. */
export async function appWork(
  { deployments, operations }: Pick<Store, "deployments" | "operations">,
  appId: string,
) {
  const [deployment, operation, pending] = await Promise.all([
    deployments.running(appId),
    operations.running(appId),
    operations.pending(appId, 1).then(([first]) => first ?? null),
  ]);
  return { deployment, operation: operation ?? pending };
}
