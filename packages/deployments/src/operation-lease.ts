// The lease of one attempt at an operation: claim, confirmation, requeue and end.

import {
  claimOperation,
  confirmOperation,
  endOperation,
  hasEnded,
  requeueOperation,
  SlipwayError,
} from "@slipway/core";
import type { Operation } from "@slipway/core";
import { storeChange } from "./compare-and-set.ts";
import type { LeaseContext } from "./deployment-lease.ts";
import { Lease } from "./lease.ts";

export interface OperationClaim {
  readonly operationId: string;
  readonly appId: string;
  readonly attempt: number;
}

type OperationContext = Pick<LeaseContext, "store" | "now">;

/**
 * Claims an operation for an attempt.
 * @returns null when the operation has ended, or does not exist.
 * @throws {SlipwayError} "lease-lost" when a newer attempt holds the lease, "internal" (retryable) while a deployment or another
 * operation of the app is running.
 */
export async function leaseOperation(
  context: OperationContext,
  { operationId, appId, attempt }: OperationClaim,
): Promise<OperationLease | null> {
  const { operations, deployments } = context.store;
  for (;;) {
    const found = await operations.get(operationId);
    if (found === null || hasEnded(found)) return null;
    const claimed = claimOperation(found, attempt, context.now());
    if (await storeChange(operations, claimed)) {
      const lease = new OperationLease(context, claimed);
      // Checked after the claim, just as a deployment checks for operations after its own claim: at least one of the two sees the other.
      if ((await deployments.running(appId)) === null) return lease;
      await lease.requeue();
      throw new SlipwayError("internal", "a deployment of the app is still running");
    }
    const running = await operations.running(appId);
    if (running !== null && running.id !== found.id) {
      throw new SlipwayError("internal", "another operation of the app is still running");
    }
  }
}

export class OperationLease {
  readonly #now: () => Date;
  readonly #lease: Lease<Operation>;

  /** Use leaseOperation: the entity must already be stored as claimed. */
  constructor({ store, now }: OperationContext, claimed: Operation) {
    this.#now = now;
    this.#lease = new Lease(store.operations, claimed, lostError);
  }

  get operation(): Operation {
    return this.#lease.entity;
  }

  /** Renews the lease in the store before a step that cannot be undone. @throws {SlipwayError} "lease-lost" */
  confirm(): Promise<void> {
    return this.#lease.update(confirmOperation(this.operation));
  }

  /** Resolves while the lease holds. @throws {SlipwayError} "lease-lost" otherwise. */
  check(): Promise<void> {
    return this.#lease.check();
  }

  /** Returns the operation to its lane. @throws {SlipwayError} "lease-lost" */
  requeue(): Promise<void> {
    return this.#lease.update(requeueOperation(this.operation));
  }

  /** Ends the operation. @param failure null for success. @throws {SlipwayError} "lease-lost" */
  end(failure: Operation["failure"]): Promise<void> {
    return this.#lease.update(endOperation(this.operation, this.#now(), failure));
  }
}

function lostError(): SlipwayError {
  return new SlipwayError("lease-lost", "another attempt has taken the operation over");
}
