// Times and durations in human-readable form.

const units = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

/** @param ms a duration in milliseconds; negative ones, of clocks that differ, count as 0. @returns for example `1 min 5 s`. */
export function durationText(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @param ms the age in milliseconds. @returns for example `3 min. ago` or `just now`. */
export function ageText(ms: number): string {
  const seconds = ms / 1000;
  for (const [unit, length] of units) {
    if (seconds >= length) return relative.format(-Math.floor(seconds / length), unit);
  }
  return seconds < 10 ? "just now" : `${Math.floor(seconds)} s ago`;
}
