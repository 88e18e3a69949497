// The ports of the life-cycle rules: the store, the queue, the followers and the log.

import type { Deployment, DeploymentEvents, LogSummary, PhaseRecord, Store } from "@slipway/core";

/** The lanes of the queue. All calls are idempotent. */
export interface LaneQueue {
  /** Queues the job of the app's next operation or deployment if the app is idle. */
  advance(appId: string): Promise<void>;
  /** Frees the slot of a deployment that ended, then advances the app's lane. */
  advanceAfter(ended: Pick<Deployment, "appId" | "ownerId">): Promise<void>;
  /**
   * Cancels the job of a deployment that is stored as aborted.
   * @returns whether a worker holds the job. That worker closes the log; otherwise the caller does.
   */
  abort(deployment: Deployment): Promise<boolean>;
  /** Schedules the removal of a deleted app's resources. */
  requestRemoval(appId: string): Promise<void>;
}

/**
 * Appends one line to a deployment's log and closes it, as the deployment's current attempt.
 * @throws {SlipwayError} "lease-lost" when a newer attempt owns the log.
 */
export type CloseLog = (deployment: Deployment, line: string) => Promise<LogSummary>;

/**
 * Runs a call that notifies another process of a stored change, or closes a log. A process that answers requests limits the call's time
 * and logs its failure; a background process awaits it.
 * @param action completes the log message "cannot …", e.g. "notify the worker of an aborted deployment".
 */
export type Notify = (action: string, call: () => Promise<void>) => Promise<void>;

/**
 * Runs the work of a phase within the phase's span, which becomes the parent of the spans of the work's service calls. Without tracing
 * it only runs the work. @returns the work's result. @throws the work's error.
 */
export type TracePhase = <T>(
  attempt: Pick<Deployment, "id" | "attempt">,
  phase: PhaseRecord,
  work: () => T,
) => T;

/** The context of every rule. */
export interface RuleContext {
  readonly store: Pick<Store, "apps" | "deployments">;
  readonly events: DeploymentEvents;
  readonly closeLog: CloseLog;
  readonly now: () => Date;
}

/** The context of rules that also move the lane. */
export interface LaneContext extends RuleContext {
  readonly lanes: LaneQueue;
  readonly notify: Notify;
}
