// Computes the bars of a timeline.

import { waitText } from "@slipway/protocol/presentation";
import type { TimelineAnswer } from "@slipway/protocol";

export interface Bar {
  readonly key: string;
  readonly name: string;
  readonly detail: string;
  /** Time since the deployment's creation. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly look: "waiting" | "running" | "good" | "bad";
  readonly bytes: number | null;
}

/** @returns the bars in order, and the time from the deployment's creation to its end, or to now. */
export function barsOf(
  timeline: TimelineAnswer["timeline"],
  now: number,
): { readonly bars: readonly Bar[]; readonly totalMs: number } {
  const from = Date.parse(timeline.created_at);
  const until = timeline.finished_at === null ? now : Date.parse(timeline.finished_at);
  const span = (started: string, finished: string | null) => {
    const startMs = Date.parse(started) - from;
    return {
      startMs,
      durationMs: Math.max(0, (finished === null ? until : Date.parse(finished)) - from - startMs),
    };
  };
  const waits = timeline.waits.map(({ reason, started_at: started, finished_at: finished }): Bar => ({
    key: `wait ${started}`,
    name: "wait",
    detail: `for ${waitText(reason)}`,
    ...span(started, finished),
    look: "waiting",
    bytes: null,
  }));
  const several = timeline.attempts.length > 1;
  const phases = timeline.attempts.flatMap(({ number, worker, outcome: ofAttempt, phases: of }) =>
    of.map(({ name, started_at: started, finished_at: finished, bytes, reused, outcome }): Bar => {
      const facts = [
        several ? `attempt ${number}${worker === null ? "" : ` on ${worker}`}` : "",
        reused.length === 0 ? "" : `reused ${reused.join(", ")}`,
        several && ofAttempt !== null && ofAttempt !== "success" ? ofAttempt : "",
      ];
      return {
        key: `${number} ${name} ${started}`,
        name,
        detail: facts.filter(Boolean).join(", "),
        ...span(started, finished),
        look: outcome === "failed" ? "bad" : outcome === null ? "running" : "good",
        bytes,
      };
    }),
  );
  return { bars: [...waits, ...phases], totalMs: Math.max(1, until - from) };
}
