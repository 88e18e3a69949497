// Logs an error that repeats during an outage once in a while instead of each time.

import type { Logger } from "./logger.ts";

/** One warning in this time; the repetitions in between are logged at debug level. */
const warnEveryMs = 10_000;

/** @param consequence what the error means for users of the process: the log message. */
export function throttledErrorLog(
  logger: Pick<Logger, "warn" | "debug">,
  consequence: string,
  nowMs: () => number = () => performance.now(),
): (error: unknown) => void {
  let warnedAtMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    const quiet = nowMs() - warnedAtMs < warnEveryMs;
    if (!quiet) warnedAtMs = nowMs();
    logger[quiet ? "debug" : "warn"]({ err: error }, consequence);
  };
}
