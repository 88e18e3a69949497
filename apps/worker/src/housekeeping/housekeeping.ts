// Runs housekeeping jobs: work for an app that its lane does not wait for. Each type of job has its own time limit.

import type { HousekeepingJob } from "@slipway/protocol";
import type { WorkerConfig } from "../config.ts";
import { stopFormerRollout } from "./former-rollouts.ts";
import type { StopRolloutContext } from "./former-rollouts.ts";
import { promoteRollout } from "./promote-rollout.ts";
import type { PromoteRolloutContext } from "./promote-rollout.ts";
import { pruneImages } from "./prune-images.ts";
import type { PruneContext } from "./prune-images.ts";

/** Time beyond the grace period for the engine to answer, or for a swarm to notice a dead node. */
const stopSpareMs = 90_000;
const pruneLimitMs = 60_000;

export type HousekeepingContext = StopRolloutContext &
  PromoteRolloutContext &
  PruneContext & { readonly config: { readonly timing: Pick<WorkerConfig["timing"], "stopGraceMs"> } };

/** Idempotent. Rejects when the job fails, and with the signal's reason when aborted. */
export async function runHousekeeping(
  context: HousekeepingContext,
  job: HousekeepingJob,
  signal: AbortSignal,
): Promise<void> {
  if (job.type === "prune-images") {
    await pruneImages(context, job.appId, within(pruneLimitMs, signal));
    return;
  }
  if (job.type === "promote-rollout") return promoteRollout(context, job);
  await stopFormerRollout(context, job, within(context.config.timing.stopGraceMs + stopSpareMs, signal));
}

function within(limitMs: number, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
}
