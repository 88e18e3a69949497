// Appends a last line to the log of a deployment that no worker is running, and ends the log.

import type { Deployment, LogSummary } from "@slipway/core";
import { openLogWriter } from "./writer.ts";
import type { LogWriterOptions } from "./writer.ts";

export type CloserContext = Pick<LogWriterOptions, "bus" | "store" | "now">;

/**
 * @returns a function that appends a line to a deployment's log and ends the log, as the deployment's current attempt. Older
 * attempts can no longer write the log. It rejects with "lease-lost" when a newer attempt owns the log.
 */
export function logCloser(
  context: CloserContext,
): (deployment: Deployment, line: string) => Promise<LogSummary> {
  return async ({ id: deploymentId, appId, attempt }, line) => {
    await using log = await openLogWriter({ ...context, appId, deploymentId, attempt, secrets: [] });
    log.line(line);
    // Without `await` the writer would be disposed before the log has ended.
    return await log.end();
  };
}
