// Does what is left to do for an app once its lane has gone on. Each kind of work has its own bound.

import type { HousekeepingJob } from "@slipway/protocol";
import { stopFormerRollout } from "./former-rollouts.ts";
import type { Platform } from "../platform.ts";
import { pruneImages } from "./prune-images.ts";

/** Beyond the grace: for the engine to answer, or for a swarm to notice that a node does not. */
const stopSpareMs = 90_000;
const pruneLimitMs = 60_000;

/** May be repeated. Rejects when it is not done, and with the signal's reason when aborted. */
export async function runHousekeeping(
  platform: Platform,
  job: HousekeepingJob,
  signal: AbortSignal,
): Promise<void> {
  if (job.type === "prune-images") {
    await pruneImages(platform, job.appId, within(pruneLimitMs, signal));
    return;
  }
  await stopFormerRollout(platform, job, within(platform.config.STOP_GRACE_MS + stopSpareMs, signal));
}

function within(limitMs: number, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
}
