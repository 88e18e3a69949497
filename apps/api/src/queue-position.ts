// Where a deployment that waits stands, and what it waits for.

import type { Deployment } from "@slipway/core";
import type { QueueBody } from "@slipway/protocol";
import { listWorkers } from "@slipway/queue";
import type { Platform } from "./platform.ts";

/** Nobody waits behind more than so many and wants to know exactly. */
const lookedAt = 1_000;

/** @returns undefined for a deployment that does not wait. */
export async function queuePosition(
  platform: Platform,
  deployment: Deployment,
): Promise<QueueBody | undefined> {
  if (deployment.status !== "queued") return undefined;
  const { deployments, operations } = platform.store;
  const lane = await deployments.lane(deployment.appId, lookedAt);
  const before = lane.filter(({ number }) => number < deployment.number).length;
  const others = await Promise.all([
    deployments.running(deployment.appId),
    operations.running(deployment.appId),
    operations.pending(deployment.appId, 1).then(([first]) => first ?? null),
  ]);
  const busy = before > 0 || others.some((other) => other !== null);
  return { position: before + 1, reason: busy ? "app-busy" : await headReason(platform, deployment) };
}

/** What the head of a free app's lane waits for; null while Redis, which knows, does not answer. */
async function headReason(platform: Platform, { id, ownerId }: Deployment): Promise<QueueBody["reason"]> {
  const { redis, keys, lanes, logger } = platform;
  const onError = (err: unknown, message: string) => logger.warn({ err }, message);
  try {
    const workers = await listWorkers({ redis, keys, onError });
    if (!workers.some(({ state }) => state === "ready")) return "no-worker";
    if ((await lanes.jobState(id)) === "live") return "workers-busy";
    return (await lanes.hasSlot(ownerId)) ? "workers-busy" : "owner-slots";
  } catch (error) {
    logger.warn({ err: error }, "cannot tell what a deployment waits for");
    return null;
  }
}
