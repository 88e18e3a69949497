// The end of a deployment that no attempt will end: its workers died too often, or its app was deleted.

import { changeStatus, isFinal, label, sealLog } from "@slipway/core";
import type { Deployment, SlipwayError } from "@slipway/core";
import { publishStatus, writeLastWords } from "@slipway/logs";
import type { Platform } from "./platform.ts";

/** Its release is the app's newest, unless many later ones came before anybody looked. */
const releasesLookedAt = 20;

/** Idempotent, also at once on several workers: a deployment that is final, gone or somebody else's by now stays as it is. */
export async function endAbandoned(
  platform: Platform,
  deploymentId: string,
  error: SlipwayError,
): Promise<void> {
  const { store, redis, keys, now } = platform;
  const deployment = await store.deployments.get(deploymentId);
  if (deployment === null || isFinal(deployment.status)) return;
  await clearAway(platform, deployment);
  const why = error.fault === "platform" ? "The platform failed" : "Ended";
  const last = await writeLastWords(platform, deployment, ` !     ${why}: ${error.message}`);
  if (last === null) return;
  const { lineCount, sha256 } = last.log;
  const facts = {
    failure: { code: error.code, message: error.message },
    logLineCount: lineCount,
    logSha256: sha256,
  };
  const status = deployment.releaseId === null ? "aborted" : "crashed-error";
  const ended = changeStatus(last.deployment, status, { at: now(), lineCount, facts });
  if (await store.deployments.compareAndSet(ended)) await publishStatus(redis, keys, ended);
}

/** Closes the log of a deployment that was aborted while its worker died, or before any worker had it. */
export async function sealAborted(platform: Platform, ended: Deployment): Promise<void> {
  const { store, redis, keys } = platform;
  if (ended.logSha256 !== null) return;
  await clearAway(platform, ended);
  const reason = ended.failure?.message ?? ended.status;
  const last = await writeLastWords(platform, ended, ` !     Aborted: ${reason}`);
  if (last === null) return;
  const sealed = sealLog(last.deployment, last.log);
  if (await store.deployments.compareAndSet(sealed)) await publishStatus(redis, keys, sealed);
}

/**
 * Removes what its dead attempts left: the build on this worker's engine (others sweep theirs), and what was started of its
 * release, unless that goes live. Before the end is stored, so that a removal that fails is repeated.
 */
async function clearAway({ engine, scheduler, store }: Platform, deployment: Deployment): Promise<void> {
  const { id, appId, attempt, releaseId } = deployment;
  await engine.removeSandboxes({ [label.deployment]: id });
  if (releaseId !== null) return;
  const release = (await store.releases.ofApp(appId, releasesLookedAt)).find(
    ({ deploymentId }) => deploymentId === id,
  );
  if (release !== undefined) await scheduler.discard(appId, release.id, { attempt });
}
