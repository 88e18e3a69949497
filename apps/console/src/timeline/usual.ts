// How long an app's phases usually take: the medians of its last successful deployments.

import type { TimelineAnswer } from "@slipway/protocol";

type Timeline = TimelineAnswer["timeline"];

export interface Usual {
  /** Durations in milliseconds, by the phase's name. */
  readonly phasesMs: ReadonlyMap<string, number>;
  /** From creation to the end, in milliseconds. */
  readonly totalMs: number;
  /** The number of deployments that the medians are computed from. */
  readonly count: number;
}

/** @param timelines the timelines of successful deployments. @returns null when there are none. */
export function usualOf(timelines: readonly Timeline[]): Usual | null {
  const ended = timelines.filter(({ finished_at: finished }) => finished !== null);
  if (ended.length === 0) return null;
  const durations = Map.groupBy(ended.flatMap(phasesOf), ({ name }) => name);
  return {
    phasesMs: new Map(
      Array.from(durations, ([name, of]) => [name, medianOf(of.map(({ durationMs }) => durationMs))]),
    ),
    totalMs: medianOf(
      ended.map(({ created_at: from, finished_at: to }) => Date.parse(to ?? "") - Date.parse(from)),
    ),
    count: ended.length,
  };
}

/** The phases of the attempt that succeeded, which is the last one. */
function phasesOf({ attempts }: Timeline) {
  return (attempts.at(-1)?.phases ?? []).flatMap(({ name, started_at: from, finished_at: to }) =>
    to === null ? [] : [{ name, durationMs: Date.parse(to) - Date.parse(from) }],
  );
}

/** The median. With an even number of values it is the mean of the two in the middle. */
function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? 0;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? 0) + upper) / 2 : upper;
}
