// The end of a deployment that no attempt will end: its workers died too often, or its app was deleted.

import { changeStatus, isFinal } from "@slipway/core";
import type { SlipwayError } from "@slipway/core";
import { openLogWriter, publishStatus } from "@slipway/logs";
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
  await using log = await openLogWriter({
    redis,
    keys,
    store,
    appId: deployment.appId,
    deploymentId,
    // Newer than the attempts that died: should one of them wake up, it can write no more.
    attempt: deployment.attempt + 1,
    secrets: [],
    now,
  });
  log.line(` !     ${error.fault === "platform" ? "The platform failed" : "Ended"}: ${error.message}`);
  const { lineCount, sha256 } = await log.end();
  const facts = {
    failure: { code: error.code, message: error.message },
    logLineCount: lineCount,
    logSha256: sha256,
  };
  const status = deployment.releaseId === null ? "aborted" : "crashed-error";
  const ended = changeStatus(deployment, status, { at: now(), lineCount, facts });
  if (await store.deployments.compareAndSet(ended)) await publishStatus(redis, keys, ended);
}
