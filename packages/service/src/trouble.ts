// Tells of what fails again and again while something is away.

import type { Logger } from "./logger.ts";

/** One warning in this time is enough, the rest is for debugging. */
const warnEveryMs = 10_000;

/** @param consequence what it means for who uses the process. */
export function troubleLog(
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
