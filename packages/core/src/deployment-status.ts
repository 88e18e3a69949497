// The statuses of a deployment, and the table of allowed transitions.

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
 * The allowed transitions. "building" from a running status is a claim by a new attempt; "queued" from a running status
 * is a requeue.
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

/** Whether no other status can follow. */
export function isFinal(status: DeploymentStatus): status is FinalStatus {
  return (finalStatuses as readonly string[]).includes(status);
}

/** Whether an attempt has claimed the deployment, and it has neither ended nor been requeued. */
export function isRunning(status: DeploymentStatus): status is RunningStatus {
  return (runningStatuses as readonly string[]).includes(status);
}
