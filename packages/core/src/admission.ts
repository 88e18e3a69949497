// Which deployments an app's concurrency policy admits to its lane.

import type { ConcurrencyPolicy } from "./app.ts";
import { SlipwayError } from "./errors.ts";

/** The state of an app's lane when a new deployment is about to join it. */
export interface LaneState {
  /** Deployments in the status "queued". */
  readonly queuedCount: number;
  /** Whether a deployment of the app is building, pushing or starting. */
  readonly hasRunning: boolean;
}

/** Decides whether a deployment may join its app's lane; it throws the reason when it may not. */
export type Admission = (lane: LaneState) => void;

/**
 * The admission rule of an app's concurrency policy. "queue" admits up to `maxQueued` deployments, "reject" only into an idle
 * lane, and "supersede" always: the new deployment replaces the queued ones.
 * @returns a rule that throws SlipwayError "conflict" for a lane that is full.
 */
export function admissionOf(policy: ConcurrencyPolicy, maxQueued: number): Admission {
  return ({ queuedCount, hasRunning }) => {
    if (policy === "queue" && queuedCount >= maxQueued) {
      throw new SlipwayError("conflict", `the app already has ${maxQueued} queued deployments`);
    }
    if (policy === "reject" && (queuedCount > 0 || hasRunning)) {
      throw new SlipwayError(
        "conflict",
        "the app has an unfinished deployment, and its concurrency_policy is reject",
      );
    }
  };
}
