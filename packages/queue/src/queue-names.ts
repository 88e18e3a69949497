// The names of BullMQ's queues, which are part of its keys in Redis.

/** Versions of Slipway that run side by side share the queues: a name stays. */
export const queueNames = {
  deployments: "deployments",
  operations: "operations",
  // The name that earlier versions gave it.
  maintenance: "upkeep",
  slowMaintenance: "slow-maintenance",
} as const;
