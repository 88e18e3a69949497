// A queued deployment's position in its lane, and the reason why it waits.

import type { Deployment } from "@slipway/core";
import type { QueueBody } from "@slipway/protocol";
import { listWorkers } from "@slipway/queue";
import type { ApiContext } from "../api-context.ts";

/** Positions beyond this are not exact. */
const maxLaneLength = 1_000;

/** @returns undefined for a deployment that is not queued. */
export async function queuePosition(
  context: ApiContext,
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
async function headReason(context: ApiContext, { id, ownerId }: Deployment): Promise<QueueBody["reason"]> {
  const { redis, keys, lanes, logger } = context;
  const onError = (err: unknown, message: string) => logger.warn({ err }, message);
  try {
    const workers = await listWorkers({ redis, keys, onError });
    if (!workers.some(({ state }) => state === "ready")) return "no-worker";
    if ((await lanes.jobState(id)) === "live") return "workers-busy";
    return (await lanes.hasSlot(ownerId)) ? "workers-busy" : "owner-slots";
  } catch (error) {
    logger.warn({ err: error }, "cannot determine why a deployment waits");
    return null;
  }
}
