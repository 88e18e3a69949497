// The queue: one lane an app over BullMQ, attempts, aborts, reconciling.

export * from "./deploy-worker.ts";
export * from "./fleet.ts";
export * from "./lanes.ts";
export * from "./notifications.ts";
export * from "./queue-names.ts";
export * from "./reconcile.ts";
export * from "./upkeep-worker.ts";
