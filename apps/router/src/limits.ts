// Limits on clients, with and without HAProxy.

export const limits = {
  headersMs: 15_000,
  /** Time limit for receiving a request with its body. */
  requestMs: 15 * 60_000,
  keepAliveMs: 75_000,
  /** How much longer a client's connection may be idle than an app's connection. */
  idleMarginMs: 15_000,
  headerBytes: 32 * 1024,
  headerCount: 200,
  connections: 20_000,
} as const;
