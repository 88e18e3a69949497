// The queue: one lane per app over BullMQ, with attempts, aborts and reconciliation.

export * from "./fleet.ts";
export * from "./housekeeping.ts";
export { deploymentItem, operationItem } from "./lane-kinds.ts";
export type { LaneItem } from "./lane-kinds.ts";
export type { BuildSlot } from "./build-slots.ts";
export * from "./lane-task.ts";
export * from "./lane-worker.ts";
export * from "./lanes.ts";
export * from "./maintenance.ts";
export * from "./notifications.ts";
export { queueNames } from "./queue-names.ts";
export { withQueueErrors } from "./redis-errors.ts";
export * from "./reconcile.ts";
