// How routers and those who wait for them tell who is there. A router that falls silent is not waited for.

export const routerTiming = {
  /** How often a router tells that it lives. */
  beatMs: 1_000,
  /** Silent for this long, it counts as dead. */
  aliveMs: 4_000,
  /** How long it stays known that a router has switched. */
  cutoverKeptMs: 60_000,
} as const;
