// Decides when to restart a process that exited unexpectedly, and when to give up.

const windowMs = 60_000;
const maxInWindow = 5;
const firstDelayMs = 500;
const maxDelayMs = 8_000;

/**
 * The delay before the restart of a process that exited at `now`; undefined to give up. `earlier` holds the times of its
 * previous exits, in milliseconds.
 */
export function restartDelay(earlier: readonly number[], now: number): number | undefined {
  const recent = earlier.filter((time) => now - time < windowMs).length;
  if (recent >= maxInWindow) return undefined;
  return Math.min(firstDelayMs * 2 ** recent, maxDelayMs);
}
