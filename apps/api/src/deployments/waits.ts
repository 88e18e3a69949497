// The waits of a deployment before each of its attempts, from the stored records, and its present wait.

import type { AttemptRecord, Deployment } from "@slipway/core";
import type { WaitBody, WaitReason } from "@slipway/protocol";
import type { QueuePositionContext } from "./queue-position.ts";
import { appWork, fleetState, headReason, orUnknown } from "./wait-reason.ts";

/** How many earlier deployments of the app are read. The deployment waited for the one of them that ended last. */
const earlierRead = 50;
/** Delivering a job takes milliseconds, which do not count as a wait. */
const minWaitMs = 100;

interface Wait {
  readonly reason: WaitReason;
  readonly deploymentId: string | null;
  readonly from: Date;
  /** Null while the deployment waits. */
  readonly to: Date | null;
}

/** @returns the waits, oldest first. The present wait is missing while Redis does not answer. */
export async function waitsOf(context: QueuePositionContext, deployment: Deployment): Promise<WaitBody[]> {
  const { appId, number, createdAt, timeline, status } = deployment;
  const earlier = await context.store.deployments.before(appId, number, earlierRead);
  const waits: Wait[] = [];
  let since = createdAt;
  for (const attempt of timeline) {
    waits.push(...waitsBefore(attempt, since, lastEnded(earlier, since, attempt.startedAt)));
    since = attempt.finishedAt ?? attempt.startedAt;
  }
  if (status === "queued") waits.push(...(await presentWaits(context, deployment, since, earlier)));
  return waits.filter(isLongEnough).map(present);
}

/** The order of waits: for the lane, for a slot of the owner until the queue has the job, then for a worker. */
function waitsBefore(attempt: AttemptRecord, since: Date, blocker: Deployment | null): Wait[] {
  const { startedAt } = attempt;
  const idleAt = blocker?.finishedAt ?? since;
  const addedAt = clamp(attempt.jobAddedAt ?? idleAt, idleAt, startedAt);
  return [
    { reason: "app-busy", deploymentId: blocker?.id ?? null, from: since, to: idleAt },
    { reason: "owner-slots", deploymentId: null, from: idleAt, to: addedAt },
    { reason: "build-slots", deploymentId: null, from: addedAt, to: startedAt },
  ];
}

async function presentWaits(
  context: QueuePositionContext,
  deployment: Deployment,
  since: Date,
  earlier: readonly Deployment[],
): Promise<Wait[]> {
  const other = await appWork(context.store, deployment.appId);
  const blocker = other.deployment ?? earlier.find(({ status }) => status === "queued") ?? null;
  if (blocker !== null || other.operation !== null)
    return [{ reason: "app-busy", deploymentId: blocker?.id ?? null, from: since, to: null }];
  const last = lastEnded(earlier, since, new Date(8.64e15));
  const idleAt = last?.finishedAt ?? since;
  const before: Wait = { reason: "app-busy", deploymentId: last?.id ?? null, from: since, to: idleAt };
  const reason = await orUnknown(context, async () =>
    headReason(context, deployment, await fleetState(context)),
  );
  return [before, ...(reason === null ? [] : [{ reason, deploymentId: null, from: idleAt, to: null }])];
}

/** The one of the earlier deployments that ended last between two times. */
function lastEnded(earlier: readonly Deployment[], after: Date, before: Date): Deployment | null {
  const ended = earlier.filter(
    ({ finishedAt }) => finishedAt !== null && finishedAt > after && finishedAt <= before,
  );
  return ended.toSorted((a, b) => Number(b.finishedAt) - Number(a.finishedAt))[0] ?? null;
}

function clamp(time: Date, min: Date, max: Date): Date {
  if (time < min) return min;
  return time > max ? max : time;
}

function isLongEnough({ from, to }: Wait): boolean {
  return to === null || to.getTime() - from.getTime() >= minWaitMs;
}

function present({ reason, deploymentId, from, to }: Wait): WaitBody {
  return {
    reason,
    deployment_id: deploymentId,
    started_at: from.toISOString(),
    finished_at: to?.toISOString() ?? null,
  };
}
