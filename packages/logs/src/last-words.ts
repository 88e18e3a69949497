// One more line, and the end, of the log of a deployment that nobody runs any more.

import { takeOver } from "@slipway/core";
import type { Deployment, DeploymentStore } from "@slipway/core";
import { openLogWriter } from "./writer.ts";
import type { LogSummary, LogWriterOptions } from "./writer.ts";

export interface LastWordsPlace extends Pick<LogWriterOptions, "redis" | "keys" | "now"> {
  readonly store: LogWriterOptions["store"] & {
    readonly deployments: Pick<DeploymentStore, "get" | "compareAndSet">;
  };
}

export interface LastWords {
  /** As it was taken over: the end is stored from here. */
  readonly deployment: Deployment;
  /** What the closed log is recorded by. */
  readonly log: LogSummary;
}

/**
 * Adds the line and closes the log, as an attempt newer than those that were: should one of them wake up, it can write no
 * more. The deployment is taken over first, so that of several who try only one adds its line.
 * @returns null when somebody else has changed the deployment meanwhile, or closed its log.
 */
export async function writeLastWords(
  { redis, keys, store, now }: LastWordsPlace,
  found: Deployment,
  line: string,
): Promise<LastWords | null> {
  if (found.logSha256 !== null) return null;
  const deployment = takeOver(found, found.attempt + 1);
  if (!(await store.deployments.compareAndSet(deployment))) return null;
  const { id: deploymentId, appId, attempt } = deployment;
  await using log = await openLogWriter({
    redis,
    keys,
    store,
    now,
    appId,
    deploymentId,
    attempt,
    secrets: [],
  });
  log.line(line);
  return { deployment, log: await log.end() };
}
