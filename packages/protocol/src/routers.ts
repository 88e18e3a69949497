// The timing of router heartbeats. Cutovers wait only for routers that are alive.

export const routerTiming = {
  /** Interval between two heartbeats of a router. */
  heartbeatMs: 2_000,
  /** A router without a heartbeat for this long counts as dead. */
  aliveMs: 4_000,
  /** How long Redis keeps the routers' confirmations of a cutover. */
  cutoverKeptMs: 60_000,
} as const;
