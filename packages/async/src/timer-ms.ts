// What Node's timers can hold: a longer delay, Infinity too, would fire after one millisecond.

const longestMs = 2 ** 31 - 1;

/** The delay, or the longest one that a timer can hold (25 days). */
export function timerMs(delayMs: number): number {
  return Math.min(delayMs, longestMs);
}
