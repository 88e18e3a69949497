// A deployment's timeline: its attempts and their phases, with times and reuse. Its size is bounded, since it is stored with
// the deployment.

/** How an attempt ended. "requeued": its worker stopped; "lost": its worker died, or lost the lease. */
export type AttemptOutcome = "success" | "failed" | "requeued" | "lost";

/** One phase of an attempt. Phases may overlap. */
export interface PhaseRecord {
  readonly name: string;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  /** Bytes that were transferred; null where bytes are not counted. */
  readonly bytes: number | null;
  /** Results of earlier deployments that this phase reused, for example "dependencies". */
  readonly reused: readonly string[];
  /** Null while the phase runs, and when its attempt did not end it. */
  readonly outcome: "success" | "failed" | null;
}

export interface AttemptRecord {
  readonly number: number;
  /** Name of the worker; null when it is unknown. */
  readonly worker: string | null;
  /** Address of the worker's engine; null when it is unknown. */
  readonly engine: string | null;
  /** When its job was added to the queue. Before that the deployment waited in its lane, afterwards for a worker. Null when unknown. */
  readonly jobAddedAt: Date | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  /** Null while it runs. */
  readonly outcome: AttemptOutcome | null;
  readonly phases: readonly PhaseRecord[];
}

/** The facts about an attempt when it claims the deployment. */
export type AttemptOrigin = Pick<AttemptRecord, "worker" | "engine" | "jobAddedAt">;

/** Maximum number of attempts stored, and of phases per attempt; the latest are kept. */
const maxAttemptsKept = 20;
const maxPhasesKept = 40;

export const unknownOrigin: AttemptOrigin = { worker: null, engine: null, jobAddedAt: null };

/** Adds an attempt. An attempt that is still open has been lost. */
export function beginAttempt(
  timeline: readonly AttemptRecord[],
  attempt: { readonly number: number; readonly at: Date; readonly origin: AttemptOrigin },
): readonly AttemptRecord[] {
  const { number, at, origin } = attempt;
  const begun: AttemptRecord = {
    number,
    ...origin,
    startedAt: at,
    finishedAt: null,
    outcome: null,
    phases: [],
  };
  return [...endAttempts(timeline, "lost", at), begun].slice(-maxAttemptsKept);
}

/** Ends every open attempt and its open phases. Without an open attempt the timeline stays as it is. */
export function endAttempts(
  timeline: readonly AttemptRecord[],
  outcome: AttemptOutcome,
  at: Date,
): readonly AttemptRecord[] {
  if (timeline.every(({ finishedAt }) => finishedAt !== null)) return timeline;
  return timeline.map((attempt) =>
    attempt.finishedAt === null
      ? { ...attempt, finishedAt: at, outcome, phases: endPhases(attempt.phases, outcome, at) }
      : attempt,
  );
}

/** Replaces the phases of the last attempt, if it is still open. */
export function withPhases(
  timeline: readonly AttemptRecord[],
  phases: readonly PhaseRecord[],
): readonly AttemptRecord[] {
  const last = timeline.at(-1);
  if (last === undefined || last.finishedAt !== null) return timeline;
  return [...timeline.slice(0, -1), { ...last, phases: phases.slice(-maxPhasesKept) }];
}

function endPhases(phases: readonly PhaseRecord[], outcome: AttemptOutcome, at: Date): PhaseRecord[] {
  const ending = outcome === "success" || outcome === "failed" ? outcome : null;
  return phases.map((phase) =>
    phase.finishedAt === null ? { ...phase, finishedAt: at, outcome: ending } : phase,
  );
}
