// What the rules of a deployment's life need from the outside: the store, the queue, the followers and the log.

import type { Deployment, DeploymentEvents, LogSummary, PhaseRecord, Store } from "@slipway/core";

/** The lanes of the queue. All calls are idempotent. */
export interface LaneQueue {
  /** Queues the job of the app's next operation or deployment if the app is idle. */
  advance(appId: string): Promise<void>;
  /** Frees the slot of a deployment that ended, then advances the app's lane. */
  advanceAfter(ended: Pick<Deployment, "appId" | "ownerId">): Promise<void>;
  /**
   * Cancels the job of a deployment that the store says is aborted.
   * @returns whether a worker holds the job. That worker closes the log; otherwise the caller does.
   */
  abort(deployment: Deployment): Promise<boolean>;
  /** Schedules the removal of everything a deleted app has. */
  requestRemoval(appId: string): Promise<void>;
}

/**
 * Appends one line to a deployment's log and closes it, as the attempt that the deployment names.
 * @throws {SlipwayError} "lease-lost" when a newer attempt writes the log.
 */
export type CloseLog = (deployment: Deployment, line: string) => Promise<LogSummary>;

/**
 * Runs a call that notifies another process of what the store already contains, or closes a log. A process that answers requests bounds the call and
 * logs its failure; one that does background work awaits it.
 * @param action completes the log message "cannot …", e.g. "notify the worker of an aborted deployment".
 */
export type Notify = (action: string, call: () => Promise<void>) => Promise<void>;

/**
 * Runs the work of a phase within the phase's span: the calls of services that it makes become the span's children. Without traces it
 * only runs the work. @returns what the work returns. @throws the error of the work.
 */
export type TracePhase = <T>(
  attempt: Pick<Deployment, "id" | "attempt">,
  phase: PhaseRecord,
  work: () => T,
) => T;

/** What every rule uses. */
export interface RuleContext {
  readonly store: Pick<Store, "apps" | "deployments">;
  readonly events: DeploymentEvents;
  readonly closeLog: CloseLog;
  readonly now: () => Date;
}

/** What the rules use that also move the lane. */
export interface LaneContext extends RuleContext {
  readonly lanes: LaneQueue;
  readonly notify: Notify;
}
