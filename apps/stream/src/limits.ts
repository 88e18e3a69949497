// The limits on connections: how many, how long and how much.

/** The limits of one process. */
export interface ConnectionLimits {
  readonly connections: number;
  readonly unauthenticatedConnections: number;
  readonly unauthenticatedConnectionsPerAddress: number;
  readonly connectionsPerUser: number;
  /** From the upgrade to the auth frame. */
  readonly authMs: number;
  /** Between two pings. A client that answers none of three is dropped. */
  readonly pingMs: number;
  /** Between two checks that users may still follow their apps. */
  readonly recheckMs: number;
  /** Subscriptions of one socket.io connection. */
  readonly subscriptions: number;
  /** Bytes buffered in a connection's socket before its follower pauses. The last event may exceed them. */
  readonly backlogBytes: number;
}

export const defaultLimits: ConnectionLimits = {
  connections: 10_000,
  unauthenticatedConnections: 1_000,
  unauthenticatedConnectionsPerAddress: 100,
  connectionsPerUser: 200,
  authMs: 10_000,
  pingMs: 20_000,
  recheckMs: 60_000,
  subscriptions: 100,
  backlogBytes: 64 * 1024,
};

/** How long a client may take to answer a close before its connection is dropped. */
export const closingMs = 1_000;

/** The largest frame a client may send. Its requests are small. */
export const maxClientFrameBytes = 64 * 1024;
