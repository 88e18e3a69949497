// A queued deployment's position in its lane, and the reason why it waits.

import type { Deployment, Store } from "@slipway/core";
import type { QueueBody } from "@slipway/protocol";
import type { Lanes } from "@slipway/queue";
import type { Logger } from "@slipway/service";
import type { ApiContext } from "../api-context.ts";

/** Positions beyond this are not exact. */
const maxLaneLength = 1_000;

interface HeadContext extends Pick<ApiContext, "listWorkers"> {
  readonly lanes: Pick<Lanes, "hasSlot" | "jobState">;
  readonly logger: Pick<Logger, "warn">;
}

export interface QueuePositionContext extends HeadContext {
  readonly store: Pick<Store, "deployments" | "operations">;
}

/** @returns undefined for a deployment that is not queued. */
export async function queuePosition(
  context: QueuePositionContext,
  deployment: Deployment,
): Promise<QueueBody | undefined> {
  if (deployment.status !== "queued") return undefined;
  const { deployments, operations } = context.store;
  const lane = await deployments.lane(deployment.appId, maxLaneLength);
  const before = lane.filter(({ number }) => number < deployment.number).length;
  const others = await Promise.all([
    deployments.running(deployment.appId),
    operations.running(deployment.appId),
    operations.pending(deployment.appId, 1).then(([first]) => first ?? null),
  ]);
  const busy = before > 0 || others.some((other) => other !== null);
  return { position: before + 1, reason: busy ? "app-busy" : await headReason(context, deployment) };
}

/** Why the first deployment in the lane of an idle app waits; null if Redis does not answer. */
async function headReason(
  { listWorkers, lanes, logger }: HeadContext,
  { id, ownerId }: Deployment,
): Promise<QueueBody["reason"]> {
  try {
    const workers = await listWorkers();
    if (!workers.some(({ state }) => state === "ready")) return "no-worker";
    if ((await lanes.jobState(id)) === "live") return "workers-busy";
    return (await lanes.hasSlot(ownerId)) ? "workers-busy" : "owner-slots";
  } catch (error) {
    logger.warn({ err: error }, "cannot determine why a deployment waits");
    return null;
  }
}
