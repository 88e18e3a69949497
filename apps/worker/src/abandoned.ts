// The end of a deployment that no attempt will end: its workers died too often, or its app was deleted.

import { changeStatus, isFinal, sealLog } from "@slipway/core";
import type { Deployment, SlipwayError } from "@slipway/core";
import { publishStatus, writeLastWords } from "@slipway/logs";
import type { Platform } from "./platform.ts";

/** Idempotent: a deployment that is final, or gone, stays as it is. */
export async function endAbandoned(
  platform: Platform,
  deploymentId: string,
  error: SlipwayError,
): Promise<void> {
  const { store, redis, keys, now } = platform;
  const deployment = await store.deployments.get(deploymentId);
  if (deployment === null || isFinal(deployment.status)) return;
  const why = error.fault === "platform" ? "The platform failed" : "Ended";
  const { lineCount, sha256 } = await writeLastWords(platform, deployment, ` !     ${why}: ${error.message}`);
  const facts = {
    failure: { code: error.code, message: error.message },
    logLineCount: lineCount,
    logSha256: sha256,
  };
  const status = deployment.releaseId === null ? "aborted" : "crashed-error";
  const ended = changeStatus(deployment, status, { at: now(), lineCount, facts });
  if (await store.deployments.compareAndSet(ended)) await publishStatus(redis, keys, ended);
}

/** Closes the log of a deployment that was aborted while its worker died, or before any worker had it. */
export async function sealAborted(platform: Platform, ended: Deployment): Promise<void> {
  const { store, redis, keys } = platform;
  if (ended.logSha256 !== null) return;
  const reason = ended.failure?.message ?? ended.status;
  const sealed = sealLog(ended, await writeLastWords(platform, ended, ` !     Aborted: ${reason}`));
  if (await store.deployments.compareAndSet(sealed)) await publishStatus(redis, keys, sealed);
}
