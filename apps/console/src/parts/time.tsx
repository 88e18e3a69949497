// Times in human-readable form; the exact time is in the title.

import { ageText, durationText } from "@slipway/protocol/presentation";
import { useEffect, useState } from "react";
import { serverTime } from "../api/server-clock.ts";

/** The time elapsed since `at`. */
export function Ago({ at }: { readonly at: string | null }) {
  const now = serverTime(useNow(30_000));
  if (at === null) return <>never</>;
  const date = new Date(at);
  return (
    <time dateTime={at} title={date.toLocaleString("en-GB")}>
      {ageText(now - date.getTime())}
    </time>
  );
}

/** The time since the start of something that has not ended. */
export function Elapsed({ since }: { readonly since: string }) {
  const now = serverTime(useNow(1_000));
  return <>{durationText(now - Date.parse(since))}</>;
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

/** @returns for example `12.3 MB`; an empty text for null. */
export function sizeText(bytes: number | null): string {
  if (bytes === null) return "";
  if (bytes < 1e3) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(0)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
