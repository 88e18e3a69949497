// A deployment and its life cycle: the pure functions that change its status, each as a new revision.

import { isFinal, isRunning, transitions } from "./deployment-status.ts";
import type { DeploymentStatus, FinalStatus, RunningStatus } from "./deployment-status.ts";
import { SlipwayError } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";
import type { Failure } from "./failure.ts";
import { beginAttempt, endAttempts, unknownOrigin } from "./timeline.ts";
import type { AttemptOrigin, AttemptRecord } from "./timeline.ts";

/** The user who requested the deployment. A copy, so that renaming or deleting the user does not change history. */
export interface Pusher {
  readonly id: string;
  readonly username: string;
  readonly email: string;
}

/**
 * The input of a deployment: an uploaded archive, an archive at an external URL, an existing image, or the image of an earlier
 * release.
 */
export type DeploymentSource =
  | { readonly kind: "upload"; readonly sourceId: string }
  | { readonly kind: "url"; readonly url: string }
  /** In the format of `formatImageReference`. */
  | { readonly kind: "image"; readonly reference: string }
  | { readonly kind: "release"; readonly releaseId: string };

/** One entry of the deployment's status history. */
export interface StatusChange {
  readonly status: DeploymentStatus;
  readonly at: Date;
  readonly attempt: number;
  /** Number of log lines before the change; null when the process that made it did not know the number (an abort by the API). */
  readonly lineCount: number | null;
}

export interface Deployment {
  readonly id: string;
  readonly appId: string;
  /** The app's owner at creation. The deployment takes one of the owner's slots. */
  readonly ownerId: string;
  /** Position in the app's order of deployments, from 1. Lanes run deployments in this order. */
  readonly number: number;
  readonly status: DeploymentStatus;
  /** The attempt that claimed the deployment, 0 before the first. It only increases. */
  readonly attempt: number;
  /** Incremented by every stored change; a compare-and-set names the revision it is based on. */
  readonly revision: number;
  readonly source: DeploymentSource;
  readonly gitRef: string | null;
  readonly previousGitRef: string | null;
  /** Command to run before the release takes traffic; null for the app's own hook, if it has one. */
  readonly postdeployHook: string | null;
  readonly pusher: Pusher;
  readonly createdAt: Date;
  /** Start of the first attempt. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly history: readonly StatusChange[];
  /** Null after success. */
  readonly failure: Failure | null;
  /** The latest attempts, oldest first. Attempts from before timelines were recorded are missing. */
  readonly timeline: readonly AttemptRecord[];
  /** The release created from the deployment: the go-live mark. Once set, the deployment cannot be aborted. */
  readonly releaseId: string | null;
  readonly image: string | null;
  readonly imageDigest: string | null;
  readonly imageSizeBytes: number | null;
  readonly stackImage: string | null;
  /** Number of log lines and SHA-256 (hex) of the log's bytes, each line with its newline; null until final. */
  readonly logLineCount: number | null;
  readonly logSha256: string | null;
}

/** The fields that the request for a deployment sets. */
export type NewDeployment = Pick<
  Deployment,
  | "id"
  | "appId"
  | "ownerId"
  | "source"
  | "gitRef"
  | "previousGitRef"
  | "postdeployHook"
  | "pusher"
  | "createdAt"
>;

/** Creates a deployment in status "queued". @param number its position in the app's order, assigned by the store. */
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
    timeline: [],
    releaseId: null,
    image: null,
    imageDigest: null,
    imageSizeBytes: null,
    stackImage: null,
    logLineCount: null,
    logSha256: null,
  };
}

/** Fields that a status change may set at the same time. */
export type DeploymentFacts = Partial<
  Pick<
    Deployment,
    | "previousGitRef"
    | "failure"
    | "timeline"
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

export interface ClaimOptions extends ChangeOptions {
  /** Default: unknown. */
  readonly origin?: AttemptOrigin;
}

/**
 * Returns the deployment in its next status, with the revision incremented; the caller stores it by compare-and-set.
 * @throws {SlipwayError} "conflict" when the table does not allow the transition, or for an abort after the go-live mark.
 */
export function changeStatus(
  deployment: Deployment,
  to: DeploymentStatus,
  options: ChangeOptions,
): Deployment {
  if (to === "building" && isRunning(deployment.status)) {
    throw new SlipwayError(
      "conflict",
      "only claim(), with a higher attempt, moves a running deployment to building",
    );
  }
  return transition(deployment, to, deployment.attempt, options);
}

/**
 * An attempt claims the deployment and restarts it, from its lane or after another attempt crashed. Attempt numbers only
 * increase, so a worker that resumes with an old number is rejected.
 * @throws {SlipwayError} "lease-lost" when the attempt is not newer; "conflict" when the deployment is final, or has the
 * go-live mark: use `takeOver` for it.
 */
export function claim(deployment: Deployment, attempt: number, options: ClaimOptions): Deployment {
  if (!isFinal(deployment.status)) checkNewer(deployment, attempt);
  const claimed = transition(deployment, "building", attempt, options);
  return {
    ...claimed,
    startedAt: deployment.startedAt ?? options.at,
    timeline: timelineOfClaim(deployment, attempt, options),
  };
}

/**
 * A later attempt takes over the deployment without changing its status, because only its last steps are left: completing
 * the cutover, or sealing the log. The previous attempt loses its lease, because the revision changes.
 * @param begun set for an attempt that runs phases: it gets a place in the timeline.
 * @throws {SlipwayError} "lease-lost" when the attempt is not newer; "conflict" when the log is sealed, so no step is left.
 */
export function takeOver(
  deployment: Deployment,
  attempt: number,
  begun?: Pick<ClaimOptions, "at" | "origin">,
): Deployment {
  if (deployment.logSha256 !== null) {
    throw new SlipwayError(
      "conflict",
      `the deployment has ended as ${deployment.status} and its log is sealed`,
    );
  }
  checkNewer(deployment, attempt);
  const timeline = begun === undefined ? deployment.timeline : timelineOfClaim(deployment, attempt, begun);
  return { ...deployment, attempt, timeline, revision: deployment.revision + 1 };
}

function timelineOfClaim(
  { timeline }: Deployment,
  number: number,
  { at, origin = unknownOrigin }: Pick<ClaimOptions, "at" | "origin">,
): readonly AttemptRecord[] {
  return beginAttempt(timeline, { number, at, origin });
}

/** Stores the timeline between two status changes. */
export function recordTimeline(deployment: Deployment, timeline: readonly AttemptRecord[]): Deployment {
  return { ...deployment, timeline, revision: deployment.revision + 1 };
}

/**
 * Sets the go-live mark: from then on the deployment is completed, and can be neither aborted nor restarted.
 * @throws {SlipwayError} "conflict" unless the deployment is starting and has no go-live mark.
 */
export function goLive(deployment: Deployment, releaseId: string): Deployment {
  if (deployment.status !== "starting") {
    throw new SlipwayError(
      "conflict",
      `the deployment is ${deployment.status}; its release can go live only while it is starting`,
    );
  }
  if (deployment.releaseId !== null) {
    throw new SlipwayError("conflict", "a release of the deployment is already going live");
  }
  return { ...deployment, releaseId, revision: deployment.revision + 1 };
}

/** What a deployment records about its sealed log. */
export interface LogSummary {
  readonly lineCount: number;
  /** SHA-256 (hex) of all lines, each with its newline. */
  readonly sha256: string;
}

/**
 * Records the sealed log of a deployment that already has a final status, as after an abort by the API.
 * @throws {SlipwayError} "conflict" when the status is not final.
 */
export function sealLog(deployment: Deployment, log: LogSummary): Deployment {
  if (!isFinal(deployment.status)) {
    throw new SlipwayError(
      "conflict",
      `the deployment is ${deployment.status}; its log cannot be sealed before it has ended`,
    );
  }
  return {
    ...deployment,
    logLineCount: log.lineCount,
    logSha256: log.sha256,
    revision: deployment.revision + 1,
  };
}

/** Seconds from the start of the first attempt to the end, rounded; 0 until the deployment has ended, or if it never started. */
export function durationSeconds({ startedAt, finishedAt }: Deployment): number {
  if (startedAt === null || finishedAt === null) return 0;
  return Math.max(0, Math.round((finishedAt.getTime() - startedAt.getTime()) / 1000));
}

/** The final status of a deployment that fails with this error in this status. */
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
  throw new SlipwayError(
    "lease-lost",
    `attempt ${attempt} is not newer than the stored attempt ${deployment.attempt}`,
  );
}

function transition(
  from: Deployment,
  to: DeploymentStatus,
  attempt: number,
  options: ChangeOptions,
): Deployment {
  if (!transitions[from.status].includes(to)) {
    throw new SlipwayError("conflict", `a deployment cannot change from ${from.status} to ${to}`);
  }
  if ((to === "queued" || to === "building") && from.releaseId !== null) {
    throw new SlipwayError(
      "conflict",
      "the deployment's release is going live; it must be completed and cannot be restarted",
    );
  }
  if (to === "aborted" && from.releaseId !== null) {
    throw new SlipwayError(
      "conflict",
      "the deployment's release is already in service; deploy again to replace it",
    );
  }
  const { at, lineCount, facts = {} } = options;
  return {
    ...from,
    ...facts,
    timeline: timelineAfter({ ...from, ...facts }, to, at),
    status: to,
    attempt,
    revision: from.revision + 1,
    finishedAt: isFinal(to) ? at : null,
    history: [...from.history, { status: to, at, attempt, lineCount }],
  };
}

/** A change to a status in which no attempt works ends the attempt. An attempt that another one took over from is lost. */
function timelineAfter(
  { timeline, attempt }: Deployment,
  to: DeploymentStatus,
  at: Date,
): readonly AttemptRecord[] {
  if (to === "queued") return endAttempts(timeline, "requeued", at);
  if (!isFinal(to)) return timeline;
  const isCurrent = timeline.at(-1)?.number === attempt;
  return endAttempts(timeline, to === "success" ? to : isCurrent ? "failed" : "lost", at);
}
