// Finds signs that a running deployment makes no progress: a worker without heartbeats, or a log without new lines.

import type { TimelineAnswer } from "@slipway/protocol";

export type Stall =
  | { readonly kind: "lost-worker"; readonly worker: string; readonly forMs: number }
  /** The phase is null between two phases. */
  | { readonly kind: "silence"; readonly phase: string | null; readonly forMs: number };

/** Most steps of a deployment write a line more often than this. */
const silenceMs = 60_000;

interface Progress {
  readonly timeline: TimelineAnswer["timeline"];
  /** When the last line of the log was written, in milliseconds since 1970; NaN when it is unknown, null before the first line. */
  readonly lastLineAt: number | null;
  /** The server's time. All other times are of the server's clock too. */
  readonly now: number;
}

/** @returns null for a deployment that makes progress, has ended, or waits in the queue. */
export function stallOf({ timeline, lastLineAt, now }: Progress): Stall | null {
  const attempt = timeline.attempts.at(-1);
  if (attempt === undefined || attempt.finished_at !== null || timeline.finished_at !== null) return null;
  const { worker, worker_state: state, worker_seen_at: seenAt, phases } = attempt;
  if (state === "lost" && seenAt !== null)
    return { kind: "lost-worker", worker: worker ?? "unknown", forMs: Math.max(0, now - Date.parse(seenAt)) };
  const phase = phases.findLast(({ finished_at: end }) => end === null)?.name ?? null;
  const forMs = now - Math.max(lastLineAt ?? 0, Date.parse(attempt.started_at));
  return forMs > silenceMs ? { kind: "silence", phase, forMs } : null;
}
