// The names of BullMQ's queues, which are part of its keys in Redis.

/** Versions of Slipway that run side by side share the queues, so a name must not change. */
export const queueNames = {
  deployments: "deployments",
  operations: "operations",
  slowMaintenance: "slow-maintenance",
} as const;

/** The queue in which the previous version schedules reconciliation. */
export const formerMaintenanceQueue = "upkeep";
