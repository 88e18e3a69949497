// The limits on connections: their number, durations and buffered bytes.

/** The limits of one process. */
export interface ConnectionLimits {
  readonly connections: number;
  readonly unauthenticatedConnections: number;
  readonly unauthenticatedConnectionsPerAddress: number;
  readonly connectionsPerUser: number;
  /** Time limit from the upgrade to the auth frame. */
  readonly authMs: number;
  /** Interval of pings. A client that answers none of three is dropped. */
  readonly pingMs: number;
  /** Interval of checks that users may still follow their apps. */
  readonly recheckMs: number;
  /** Maximum number of subscriptions of one socket.io connection. */
  readonly subscriptions: number;
  /** When this many bytes are buffered in a connection's socket, its follower pauses. The last event may exceed the limit. */
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
