// Estimates when a waiting deployment starts, from the durations of recent deployments.

import { durationSeconds, finalStatuses } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import type { WaitReason } from "@slipway/protocol";

/** How many recent deployments the mean duration is computed from. */
const recentRead = 100;
const recentMs = 24 * 60 * 60_000;
/** How long the mean is cached: it changes slowly, and a client may request it every second. */
const keptMs = 30_000;

/** The mean duration of the last day's deployments that ran, in seconds; null without any. */
export type MeanSeconds = () => Promise<number | null>;

export interface MeanSecondsContext {
  readonly store: { readonly deployments: Pick<Store["deployments"], "search"> };
  readonly now: () => Date;
}

/** @returns a function that reads the mean at most every half minute. */
export function meanSecondsOf({ store, now }: MeanSecondsContext): MeanSeconds {
  let kept: { readonly mean: Promise<number | null>; readonly untilMs: number } | null = null;
  return async () => {
    const nowMs = now().getTime();
    if (kept === null || kept.untilMs < nowMs)
      kept = { mean: readMean({ store, now }), untilMs: nowMs + keptMs };
    const reading = kept;
    const mean = await reading.mean.catch((error: unknown) => {
      if (kept === reading) kept = null;
      throw error;
    });
    // Do not cache the absence of a mean, so that the end of the first deployment shows at once.
    if (mean === null && kept === reading) kept = null;
    return mean;
  };
}

/** The newest of the last day's deployments that have ended, at most a hundred. */
export async function recentlyEnded({ store, now }: MeanSecondsContext): Promise<readonly Deployment[]> {
  const since = new Date(now().getTime() - recentMs);
  const filter = { statuses: finalStatuses, appIds: null, since };
  return (await store.deployments.search(filter, { page: 1, perPage: recentRead })).deployments;
}

async function readMean(context: MeanSecondsContext): Promise<number | null> {
  const ran = (await recentlyEnded(context)).filter(({ startedAt }) => startedAt !== null);
  const durations = ran.map(durationSeconds);
  if (durations.length === 0) return null;
  return durations.reduce((sum, seconds) => sum + seconds, 0) / durations.length;
}

export interface WaitFacts {
  readonly reason: WaitReason | null;
  /** Position among the queued deployments of its app, from 1. */
  readonly position: number;
  /** The running work of its app; null when there is none. */
  readonly running: Pick<Deployment, "startedAt"> | null;
  /** How many other deployments get a slot before this one. */
  readonly before: number;
  /** How many deployments run at the same time. */
  readonly slots: number;
  readonly meanSeconds: number | null;
  readonly now: Date;
}

/** @returns whole seconds. Null when only an operator or a new worker can end the wait, or no deployment has ended yet. */
export function estimatedSeconds(facts: WaitFacts): number | null {
  const { reason, position, running, before, slots, meanSeconds: mean, now } = facts;
  if (mean === null || reason === null || reason === "no-worker" || reason === "queue-paused") return null;
  if (reason !== "app-busy") return Math.round(((before + 1) * mean) / Math.max(1, slots));
  const startedAt = running?.startedAt ?? null;
  const elapsed = startedAt === null ? 0 : (now.getTime() - startedAt.getTime()) / 1e3;
  const ofRunning = running === null ? 0 : Math.max(0, mean - elapsed);
  return Math.round(ofRunning + (position - 1) * mean);
}
