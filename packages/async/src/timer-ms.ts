// The maximum delay of Node's timers: a longer one, including Infinity, would fire after one millisecond.

const longestMs = 2 ** 31 - 1;

/** The delay, limited to the longest one that a timer supports (25 days). */
export function timerMs(delayMs: number): number {
  return Math.min(delayMs, longestMs);
}
