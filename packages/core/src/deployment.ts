// A deployment's life: its statuses, the one table of allowed changes, and the pure functions that make them.

import type { ConcurrencyPolicy } from "./app.ts";
import { SlipwayError } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";

export const runningStatuses = ["building", "pushing", "starting"] as const;
export const finalStatuses = [
  "success",
  "build-error",
  "crashed-error",
  "timeout-error",
  "hook-error",
  "aborted",
] as const;

export type RunningStatus = (typeof runningStatuses)[number];
export type FinalStatus = (typeof finalStatuses)[number];
export type DeploymentStatus = "queued" | RunningStatus | FinalStatus;

export const deploymentStatuses: readonly DeploymentStatus[] = [
  "queued",
  ...runningStatuses,
  ...finalStatuses,
];

/**
 * Where a deployment may go from where it is. "building" from a running status is a new attempt's claim,
 * "queued" from a running one is a worker handing the deployment back.
 */
export const transitions: Readonly<Record<DeploymentStatus, readonly DeploymentStatus[]>> = {
  queued: ["building", "aborted"],
  building: ["building", "queued", "pushing", "build-error", "aborted"],
  pushing: ["building", "queued", "starting", "aborted"],
  starting: ["building", "queued", "success", "crashed-error", "timeout-error", "hook-error", "aborted"],
  success: [],
  "build-error": [],
  "crashed-error": [],
  "timeout-error": [],
  "hook-error": [],
  aborted: [],
};

/** Who asked for a deployment, copied into it: a later rename or removal does not change history. */
export interface Pusher {
  readonly id: string;
  readonly username: string;
  readonly email: string;
}

/** What is deployed: an archive uploaded to us (a source of ours) or at somebody's URL, or the image of an earlier release. */
export type DeploymentSource =
  | { readonly kind: "upload"; readonly sourceId: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "release"; readonly releaseId: string };

/** One status the deployment went through. */
export interface StatusChange {
  readonly status: DeploymentStatus;
  readonly at: Date;
  readonly attempt: number;
  /** How many log lines came before it; null where whoever changed it could not know (an abort from outside). */
  readonly lineCount: number | null;
}

export interface Deployment {
  readonly id: string;
  readonly appId: string;
  /** Whose slots it takes: the app's owner when it was created. */
  readonly ownerId: string;
  /** Order within the app, from 1. A lane is served by it. */
  readonly number: number;
  readonly status: DeploymentStatus;
  /** The attempt that holds it, 0 before the first. Grows, never repeats. */
  readonly attempt: number;
  /** Grows by one with every stored change; a compare-and-set names the revision it was made from. */
  readonly revision: number;
  readonly source: DeploymentSource;
  readonly gitRef: string | null;
  readonly previousGitRef: string | null;
  /** Command that the request wants run before its release takes traffic; null for the app's own, if it has one. */
  readonly postdeployHook: string | null;
  readonly pusher: Pusher;
  readonly createdAt: Date;
  /** When its first attempt began. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly history: readonly StatusChange[];
  /** Why it ended as it did, for a person; null after success. */
  readonly failure: { readonly code: ErrorCode; readonly message: string } | null;
  /** The release made from it, set in the step after which it can no longer be aborted. */
  readonly releaseId: string | null;
  readonly image: string | null;
  readonly imageDigest: string | null;
  readonly imageSizeBytes: number | null;
  readonly stackImage: string | null;
  /** Number of log lines and SHA-256 (hex) of the log's bytes, each line with its newline; null until final. */
  readonly logLineCount: number | null;
  readonly logSha256: string | null;
}

export interface NewDeployment {
  readonly id: string;
  readonly appId: string;
  readonly ownerId: string;
  readonly source: DeploymentSource;
  readonly gitRef: string | null;
  readonly previousGitRef: string | null;
  /** Command that the request wants run before its release takes traffic; null for the app's own, if it has one. */
  readonly postdeployHook: string | null;
  readonly pusher: Pusher;
  readonly createdAt: Date;
}

/** What an app's lane holds when a new deployment asks to join it. */
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

export function isFinal(status: DeploymentStatus): status is FinalStatus {
  return (finalStatuses as readonly string[]).includes(status);
}

export function isRunning(status: DeploymentStatus): status is RunningStatus {
  return (runningStatuses as readonly string[]).includes(status);
}

/** A deployment as it is when it joins its app's lane. @param number its place in the app's order, given by the store. */
export function queuedDeployment(request: NewDeployment, number: number): Deployment {
  return {
    ...request,
    number,
    status: "queued",
    attempt: 0,
    revision: 1,
    startedAt: null,
    finishedAt: null,
    history: [{ status: "queued", at: request.createdAt, attempt: 0, lineCount: 0 }],
    failure: null,
    releaseId: null,
    image: null,
    imageDigest: null,
    imageSizeBytes: null,
    stackImage: null,
    logLineCount: null,
    logSha256: null,
  };
}

/** What a change of status may set along the way. */
export type DeploymentFacts = Partial<
  Pick<
    Deployment,
    | "previousGitRef"
    | "failure"
    | "image"
    | "imageDigest"
    | "imageSizeBytes"
    | "stackImage"
    | "logLineCount"
    | "logSha256"
  >
>;

export interface ChangeOptions {
  readonly at: Date;
  readonly lineCount: number | null;
  readonly facts?: DeploymentFacts;
}

/**
 * The deployment in its next status, one revision on; the caller stores it by compare-and-set.
 * @throws {SlipwayError} "conflict" where the table does not allow the change, or a live release forbids an abort.
 */
export function changeStatus(
  deployment: Deployment,
  to: DeploymentStatus,
  options: ChangeOptions,
): Deployment {
  if (to === "building" && isRunning(deployment.status)) {
    throw new SlipwayError(
      "conflict",
      "a running deployment is taken over by claim(), with a higher attempt",
    );
  }
  return moved(deployment, to, deployment.attempt, options);
}

/**
 * An attempt takes the deployment, to begin anew: from its lane, or from an attempt that died. Attempts only grow, so a worker
 * that was paused and comes back with an old number is refused.
 * @throws {SlipwayError} "lease-lost" when the attempt is not newer; "conflict" when the deployment is final, or its release
 * is going live: that one is taken over.
 */
export function claim(deployment: Deployment, attempt: number, options: ChangeOptions): Deployment {
  if (!isFinal(deployment.status)) checkNewer(deployment, attempt);
  const claimed = moved(deployment, "building", attempt, options);
  return { ...claimed, startedAt: deployment.startedAt ?? options.at };
}

/**
 * A later attempt takes the deployment over as it is, status and all, because only its end is left to see to: its release is
 * going live, or its log has to be closed. Whoever had it before loses it with the revision.
 * @throws {SlipwayError} "lease-lost" when the attempt is not newer; "conflict" when nothing is left, its log is closed.
 */
export function takeOver(deployment: Deployment, attempt: number): Deployment {
  if (deployment.logSha256 !== null) {
    throw new SlipwayError("conflict", `nothing is left to do for a deployment that is ${deployment.status}`);
  }
  checkNewer(deployment, attempt);
  return { ...deployment, attempt, revision: deployment.revision + 1 };
}

/**
 * Marks the release the deployment is about to put in service: from here it is finished, never aborted or begun anew.
 * @throws {SlipwayError} "conflict" unless it is starting and has no such release yet.
 */
export function goLive(deployment: Deployment, releaseId: string): Deployment {
  if (deployment.status !== "starting") {
    throw new SlipwayError(
      "conflict",
      `a deployment that is ${deployment.status} has no release to put in service`,
    );
  }
  if (deployment.releaseId !== null) {
    throw new SlipwayError("conflict", "another release of the deployment is going live already");
  }
  return { ...deployment, releaseId, revision: deployment.revision + 1 };
}

/** How a closed log is recorded in its deployment. */
export interface LogSummary {
  readonly lineCount: number;
  /** SHA-256 (hex) of all lines, each with its newline. */
  readonly sha256: string;
}

/** Records the closed log of a deployment that is final already: an abort ends a deployment before its log is closed. */
export function sealLog(deployment: Deployment, log: LogSummary): Deployment {
  if (!isFinal(deployment.status)) {
    throw new SlipwayError("conflict", `the log of a deployment that is ${deployment.status} is still open`);
  }
  return {
    ...deployment,
    logLineCount: log.lineCount,
    logSha256: log.sha256,
    revision: deployment.revision + 1,
  };
}

/** Whole seconds from the start of the first attempt to the end; 0 until it has ended, and when it ended in its lane. */
export function durationSeconds({ startedAt, finishedAt }: Deployment): number {
  if (startedAt === null || finishedAt === null) return 0;
  return Math.max(0, Math.round((finishedAt.getTime() - startedAt.getTime()) / 1000));
}

/** The final status that an error met in a running status leads to. */
export function outcomeOf(code: ErrorCode, status: RunningStatus): FinalStatus {
  if (status === "building" && code !== "aborted") return "build-error";
  if (status === "starting") {
    if (code === "app-crashed") return "crashed-error";
    if (code === "boot-timeout") return "timeout-error";
    if (code === "hook-failed") return "hook-error";
  }
  return "aborted";
}

function checkNewer(deployment: Deployment, attempt: number): void {
  if (attempt > deployment.attempt) return;
  throw new SlipwayError("lease-lost", `attempt ${attempt} is not newer than ${deployment.attempt}`);
}

function moved(from: Deployment, to: DeploymentStatus, attempt: number, options: ChangeOptions): Deployment {
  if (!transitions[from.status].includes(to)) {
    throw new SlipwayError("conflict", `a deployment that is ${from.status} cannot become ${to}`);
  }
  if ((to === "queued" || to === "building") && from.releaseId !== null) {
    throw new SlipwayError(
      "conflict",
      "the deployment's release is going live: it is seen through, not begun again",
    );
  }
  if (to === "aborted" && from.releaseId !== null) {
    throw new SlipwayError(
      "conflict",
      "the deployment's release is already in service; deploy again to replace it",
    );
  }
  const { at, lineCount } = options;
  return {
    ...from,
    ...options.facts,
    status: to,
    attempt,
    revision: from.revision + 1,
    finishedAt: isFinal(to) ? at : null,
    history: [...from.history, { status: to, at, attempt, lineCount }],
  };
}
