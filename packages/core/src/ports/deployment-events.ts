// The port to an app's followers: messages about changes that the store already holds.

import type { Deployment } from "../deployment.ts";

/** A lost message costs time only: followers also read the store. */
export interface DeploymentEvents {
  created(deployment: Deployment): Promise<void>;
  /** Publishes the deployment's latest status. */
  statusChanged(deployment: Deployment): Promise<void>;
}
