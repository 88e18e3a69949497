// The dependencies that all connections of the process share. app.ts creates them.

import type { Auth } from "@slipway/auth";
import type { AppStore, CollaboratorStore, DeploymentStore } from "@slipway/core";
import type { LogFeed } from "@slipway/logs";
import type { Logger } from "@slipway/service";

export interface StreamContext {
  readonly auth: Pick<Auth, "authenticate" | "reauthenticate">;
  readonly apps: Pick<AppStore, "byName" | "get">;
  readonly collaborators: Pick<CollaboratorStore, "find">;
  readonly deployments: Pick<DeploymentStore, "get">;
  readonly feed: LogFeed;
  readonly logger: Logger;
  readonly now: () => Date;
}
