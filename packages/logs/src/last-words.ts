// One more line, and the end, of the log of a deployment that nobody runs any more.

import type { Deployment } from "@slipway/core";
import { openLogWriter } from "./writer.ts";
import type { LogSummary, LogWriterOptions } from "./writer.ts";

/**
 * Adds the line and closes the log, as an attempt newer than those that were: should one of them wake up, it can write no
 * more. @returns what the closed log is recorded by.
 */
export async function writeLastWords(
  options: Pick<LogWriterOptions, "redis" | "keys" | "store" | "now">,
  { id: deploymentId, appId, attempt }: Pick<Deployment, "id" | "appId" | "attempt">,
  line: string,
): Promise<LogSummary> {
  const { redis, keys, store, now } = options;
  await using log = await openLogWriter({
    redis,
    keys,
    store,
    now,
    appId,
    deploymentId,
    attempt: attempt + 1,
    secrets: [],
  });
  log.line(line);
  return await log.end();
}
