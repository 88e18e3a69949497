// The rules of a deployment's life cycle: create, supersede, abort, claim, requeue, finish, seal, abandon. They use ports only.

export * from "./abandon.ts";
export { abortDeployment, abortQueued, abortOfDeletedApp } from "./abort.ts";
export { storeChange, updateLiveApp } from "./compare-and-set.ts";
export { completeCreation, createDeployment } from "./create.ts";
export { createOperation } from "./create-operation.ts";
export * from "./delete-app.ts";
export { leaseDeployment, DeploymentLease } from "./deployment-lease.ts";
export type { LeaseContext } from "./deployment-lease.ts";
export { idempotencyKeyHeader, idempotentId, keyReused } from "./idempotency.ts";
export { leaseOperation, OperationLease } from "./operation-lease.ts";
export type { FailedPhase, RunningPhase } from "./phase-recorder.ts";
export type * from "./ports.ts";
