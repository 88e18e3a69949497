// The port that notifies an app's followers of changes. Publish a change only after it is stored.

import type { Deployment } from "../deployment.ts";
import type { PhaseRecord } from "../timeline.ts";

/** A lost message only delays followers, because they also read the store. */
export interface DeploymentEvents {
  created(deployment: Deployment): Promise<void>;
  /** Publishes the deployment's latest status. */
  statusChanged(deployment: Deployment): Promise<void>;
  /** Publishes the begin or end of a phase, possibly before it is stored. @param lineCount log lines before it. */
  phaseChanged(
    deployment: Pick<Deployment, "id" | "appId" | "attempt">,
    phase: PhaseRecord,
    lineCount: number,
  ): Promise<void>;
}
