// When a process that died unexpectedly is started again, and when it has died too often.

const windowMs = 60_000;
const mostInWindow = 5;
const firstDelayMs = 500;
const longestDelayMs = 8_000;

/**
 * How long to wait before starting a process again that died at `now`; undefined: give up. `earlier` are the times
 * of its deaths before, in milliseconds.
 */
export function restartDelay(earlier: readonly number[], now: number): number | undefined {
  const recent = earlier.filter((time) => now - time < windowMs).length;
  if (recent >= mostInWindow) return undefined;
  return Math.min(firstDelayMs * 2 ** recent, longestDelayMs);
}
