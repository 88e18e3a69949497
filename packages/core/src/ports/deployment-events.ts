// The port that notifies an app's followers of changes. Publish a change only after it is stored.

import type { Deployment } from "../deployment.ts";

/** A lost message only delays followers, because they also read the store. */
export interface DeploymentEvents {
  created(deployment: Deployment): Promise<void>;
  /** Publishes the deployment's latest status. */
  statusChanged(deployment: Deployment): Promise<void>;
}
