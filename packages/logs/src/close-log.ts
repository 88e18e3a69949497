// One more line, and the end, of the log of a deployment that no attempt holds.

import type { Deployment, LogSummary } from "@slipway/core";
import { openLogWriter } from "./writer.ts";
import type { LogWriterOptions } from "./writer.ts";

export type LogContext = Pick<LogWriterOptions, "redis" | "keys" | "store" | "now">;

/**
 * @returns a function that appends a line to a deployment's log and closes it, as the attempt that the deployment names. From
 * then on no older attempt can write the log. It rejects with "lease-lost" when a newer attempt holds the log.
 */
export function logCloser(
  context: LogContext,
): (deployment: Deployment, line: string) => Promise<LogSummary> {
  return async ({ id: deploymentId, appId, attempt }, line) => {
    await using log = await openLogWriter({ ...context, appId, deploymentId, attempt, secrets: [] });
    log.line(line);
    // Awaited here: the writer is closed when this function returns.
    return await log.end();
  };
}
