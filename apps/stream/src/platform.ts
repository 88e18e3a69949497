// What a connection stands on. Made once by app.ts.

import type { Auth } from "@slipway/auth";
import type { AppStore, CollaboratorStore, DeploymentStore } from "@slipway/core";
import type { LogFeed } from "@slipway/logs";
import type { Logger } from "@slipway/service";

export interface Platform {
  readonly auth: Pick<Auth, "authenticate" | "reauthenticate">;
  readonly apps: Pick<AppStore, "byName" | "get">;
  readonly collaborators: Pick<CollaboratorStore, "find">;
  readonly deployments: Pick<DeploymentStore, "get">;
  readonly feed: LogFeed;
  readonly logger: Logger;
  readonly now: () => Date;
}

/** What one process, and one user of it, may ask for. */
export interface ConnectionLimits {
  readonly connections: number;
  /** Connections that have not said who they are. */
  readonly unknownConnections: number;
  readonly unknownConnectionsPerAddress: number;
  readonly connectionsPerUser: number;
  /** From the upgrade to the auth frame. */
  readonly authMs: number;
  /** Between two pings. A peer that shows no life for three of them is dead. */
  readonly pingMs: number;
  /** How often it is looked at whether users may still follow what they follow. */
  readonly recheckMs: number;
  /** What one socket.io connection may follow at once. */
  readonly subscriptions: number;
  /** What may wait in a connection's socket before its follower waits too: some lines more than this wait at most. */
  readonly backlogBytes: number;
}

export const defaultLimits: ConnectionLimits = {
  connections: 10_000,
  unknownConnections: 1_000,
  unknownConnectionsPerAddress: 100,
  connectionsPerUser: 200,
  authMs: 10_000,
  pingMs: 20_000,
  recheckMs: 60_000,
  subscriptions: 100,
  backlogBytes: 256 * 1024,
};

/** What a client has to answer our close, before it is dropped. */
export const closingMs = 1_000;

/** What a client may send at once; it has to send one small frame only. */
export const maxClientFrameBytes = 64 * 1024;
