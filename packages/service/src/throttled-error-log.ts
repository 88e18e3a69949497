// Logs an error that repeats during an outage at most once per interval.

import type { Logger } from "./logger.ts";

/** The interval. Repetitions within it are logged at debug level. */
const warnEveryMs = 10_000;

/** @param consequence what the error means for users of the process: the log message. */
export function throttledErrorLog(
  logger: Pick<Logger, "warn" | "debug">,
  consequence: string,
  nowMs: () => number = () => performance.now(),
): (error: unknown) => void {
  let warnedAtMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    const repeated = nowMs() - warnedAtMs < warnEveryMs;
    if (!repeated) warnedAtMs = nowMs();
    logger[repeated ? "debug" : "warn"]({ err: error }, consequence);
  };
}
