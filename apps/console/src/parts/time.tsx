// Times and durations in human-readable form; the exact time is in the title.

import { useEffect, useState } from "react";

const units = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

/** The time elapsed since `at`. */
export function Ago({ at }: { readonly at: string | null }) {
  useNow(30_000);
  if (at === null) return <>never</>;
  const date = new Date(at);
  return (
    <time dateTime={at} title={date.toLocaleString("en-GB")}>
      {agoOf((Date.now() - date.getTime()) / 1000)}
    </time>
  );
}

/** The current time. Renders again at this interval. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** @returns for example `1 min 5 s`. */
export function durationText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** @returns for example `12.3 MB`; an empty text for null. */
export function sizeText(bytes: number | null): string {
  if (bytes === null) return "";
  if (bytes < 1e3) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(0)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

function agoOf(seconds: number): string {
  for (const [unit, length] of units) {
    if (seconds >= length) return relative.format(-Math.floor(seconds / length), unit);
  }
  return seconds < 10 ? "just now" : `${Math.floor(seconds)} s ago`;
}
