// Frames of a deployment, and a recorder for what a follower shows of them.

import type { DeploymentStatus } from "@slipway/core";
import type { LogFrame, StatusFrame } from "@slipway/protocol";

export const deploymentId = "d1";

export const log = (content: string, of = deploymentId): LogFrame => ({
  type: "log",
  id: of,
  data: { content },
});

export const status = (name: DeploymentStatus): StatusFrame => ({
  type: "status",
  id: deploymentId,
  data: { status: name },
});

/** Handlers that record the shown lines and statuses, and the reported problems. */
export function recorder() {
  const seen: string[] = [];
  const problems: string[] = [];
  return {
    seen,
    problems,
    onLine: (content: string) => void seen.push(content),
    onStatus: (content: string) => void seen.push(`[${content}]`),
    onProblem: (text: string) => void problems.push(text),
  };
}
