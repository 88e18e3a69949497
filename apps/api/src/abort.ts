// Ends a deployment from outside: the store says so first, then whoever has it is told, and its log says why.

import { createHash } from "node:crypto";
import { changeStatus, isFinal, sealLog } from "@slipway/core";
import type { Deployment, SlipwayError } from "@slipway/core";
import { publishStatus, writeLastWords } from "@slipway/logs";
import { announceAbort, told } from "./announce.ts";
import { changeDeployment } from "./change.ts";
import type { Platform } from "./platform.ts";

type Failure = NonNullable<Deployment["failure"]>;

/**
 * Aborts a deployment that waits or runs. A worker that has it ends its container and closes its log; the log of one that
 * none has, since it waits for its turn or for another attempt, is closed here, with the reason in it.
 * @param reason completes "Aborted: …".
 * @returns the deployment as it is now; null when there is none. One that had ended already is left as it was.
 * @throws {SlipwayError} "conflict" when its release is going live already.
 */
export async function abortDeployment(
  platform: Platform,
  id: string,
  reason: string,
): Promise<Deployment | null> {
  const aborted = await abortIf(platform, id, abortedFor(reason), ({ status }) => !isFinal(status));
  return aborted ?? platform.store.deployments.get(id);
}

/** Aborts a deployment if it still waits for its turn. */
export async function abortWaiting(platform: Platform, id: string, reason: string): Promise<void> {
  await abortIf(platform, id, abortedFor(reason), isWaiting);
}

/** Takes a deployment out of its lane that should not have come there. `wasRefused` knows it by its failure. */
export async function refuseWaiting(
  platform: Platform,
  id: string,
  { code, message }: SlipwayError,
): Promise<void> {
  await abortIf(platform, id, { code, message }, isWaiting);
}

/** Whether its request was answered with a conflict, once it was stored. */
export function wasRefused({ failure }: Deployment): boolean {
  return failure?.code === "conflict";
}

async function abortIf(
  platform: Platform,
  id: string,
  failure: Failure,
  is: (deployment: Deployment) => boolean,
): Promise<Deployment | null> {
  const { store, now } = platform;
  let waited = false;
  const aborted = await changeDeployment(store, id, (deployment) => {
    if (!is(deployment)) return null;
    waited = deployment.status === "queued";
    return changeStatus(deployment, "aborted", { at: now(), lineCount: null, facts: { failure } });
  });
  if (aborted === null) return null;
  const isHeld = await announceAbort(platform, aborted);
  if (waited || !isHeld)
    await told(platform, "an aborted deployment's log", () => closeLog(platform, aborted, failure.message));
  return aborted;
}

function abortedFor(message: string): Failure {
  return { code: "aborted", message };
}

function isWaiting({ status }: Deployment): boolean {
  return status === "queued";
}

async function closeLog(platform: Platform, aborted: Deployment, reason: string): Promise<void> {
  const { store, redis, keys } = platform;
  const last = await writeLastWords(platform, aborted, ` !     Aborted: ${reason}`);
  if (last === null) return;
  const sealed = sealLog(last.deployment, last.log);
  if (await store.deployments.compareAndSet(sealed)) await publishStatus(redis, keys, sealed);
}

/** Aborts a deployment of a deleted app, whose log nobody will read. One whose release goes live is left to end by itself. */
export async function abortOfDeleted(platform: Platform, id: string): Promise<void> {
  const { store, now } = platform;
  const aborted = await changeDeployment(store, id, (deployment) =>
    isFinal(deployment.status) || deployment.releaseId !== null ? null : abortedUnread(deployment, now()),
  );
  if (aborted !== null) await announceAbort(platform, aborted);
}

/** One that no worker ever had has an empty log; any other's is closed by who writes it. */
function abortedUnread(deployment: Deployment, at: Date): Deployment {
  const failure = { code: "aborted", message: "the app was deleted" } as const;
  if (deployment.attempt > 0) {
    return changeStatus(deployment, "aborted", { at, lineCount: null, facts: { failure } });
  }
  const facts = { failure, logLineCount: 0, logSha256: createHash("sha256").digest("hex") };
  return changeStatus(deployment, "aborted", { at, lineCount: 0, facts });
}
