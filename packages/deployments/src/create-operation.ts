// Creates a restart or a scaling in its app's lane.

import { maxPendingOperations, newOperation, SlipwayError } from "@slipway/core";
import type { NewOperation, Operation, OwnerQuotas, Store } from "@slipway/core";
import type { LaneContext } from "./ports.ts";

/**
 * Stores the operation, then notifies the workers.
 * @param limits maximum numbers of instances per app, and for all apps of its owner.
 * @throws {SlipwayError} "invalid" for an impossible number of instances, "conflict" when the app has too many pending operations,
 * "quota-exceeded".
 */
export async function createOperation(
  {
    store: { operations },
    lanes,
    notify,
  }: Pick<LaneContext, "lanes" | "notify"> & { readonly store: Pick<Store, "operations"> },
  request: NewOperation,
  { maxInstances, quota }: { readonly maxInstances: number; readonly quota?: OwnerQuotas },
): Promise<Operation> {
  const operation = newOperation(request, maxInstances);
  const pending = await operations.pending(operation.appId, maxPendingOperations);
  if (pending.length === maxPendingOperations) {
    throw new SlipwayError("conflict", `the app already has ${maxPendingOperations} pending operations`);
  }
  await operations.create(operation, quota);
  await notify("notify the lane of a new operation", () => lanes.advance(operation.appId));
  return operation;
}
