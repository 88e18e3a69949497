// Why a queued deployment waits.

import type { Deployment, Store } from "@slipway/core";
import type { WaitReason } from "@slipway/protocol";
import type { Lanes } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import type { ApiContext } from "../api-context.ts";

export interface WaitReasonContext extends Pick<ApiContext, "listWorkers"> {
  readonly lanes: Pick<Lanes, "countBefore" | "hasSlot" | "isPaused" | "jobState">;
  readonly logger: Pick<Logger, "warn">;
}

/** The state of the fleet at one time, which is the same for all waiting deployments. */
export interface FleetState {
  readonly isPaused: boolean;
  readonly hasWorker: boolean;
  /** Build slots of the ready workers. */
  readonly slots: number;
}

/** @throws {SlipwayError} "queue-unavailable". */
export async function fleetState({ listWorkers, lanes }: WaitReasonContext): Promise<FleetState> {
  const [workers, isPaused] = await Promise.all([listWorkers(), lanes.isPaused()]);
  const ready = workers.filter(({ state }) => state === "ready");
  const slots = ready.reduce((sum, { concurrency }) => sum + concurrency, 0);
  return { isPaused, hasWorker: ready.length > 0, slots };
}

/** Why the first deployment in the lane of an idle app waits. @throws {SlipwayError} "queue-unavailable". */
export async function headReason(
  { lanes }: Pick<WaitReasonContext, "lanes">,
  { id, ownerId, source }: Pick<Deployment, "id" | "ownerId" | "source">,
  fleet: Pick<FleetState, "isPaused" | "hasWorker">,
): Promise<WaitReason> {
  if (!fleet.hasWorker) return "no-worker";
  if (source.kind === "release") return "operation-slots";
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

/** The app's running deployment, and its running or next operation; each is null when there is none. */
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
