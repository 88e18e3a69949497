// An operation: a restart or a scaling of an app's running release, requested by a user and run in the app's lane.

import { invalidField, SlipwayError } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";

export const operationStatuses = ["pending", "running", "done", "error"] as const;
export type OperationStatus = (typeof operationStatuses)[number];
export type OperationKind = "restart" | "scale";

/** Maximum number of pending operations per app. */
export const maxPendingOperations = 20;

export interface Operation {
  /** Also the id of the rollout that the operation starts. */
  readonly id: string;
  readonly appId: string;
  readonly kind: OperationKind;
  /** Desired number of web instances; null for a restart, which keeps their number. */
  readonly webCount: number | null;
  readonly status: OperationStatus;
  /** Why it ended in "error", for display to users. */
  readonly failure: { readonly code: ErrorCode; readonly message: string } | null;
  /** The attempt that claimed the operation, 0 before the first. It only increases. */
  readonly attempt: number;
  /** Incremented by every stored change; a compare-and-set names the revision it is based on. */
  readonly revision: number;
  /** Id of the user. */
  readonly requestedBy: string;
  readonly createdAt: Date;
  /** Start of the first attempt. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export type NewOperation = Pick<
  Operation,
  "id" | "appId" | "kind" | "webCount" | "requestedBy" | "createdAt"
>;

/**
 * Creates a pending operation.
 * @param maxInstances the largest number of instances that may be requested.
 * @throws {SlipwayError} "invalid" when the number of instances is out of range.
 */
export function newOperation(request: NewOperation, maxInstances: number): Operation {
  const { kind, webCount } = request;
  if ((kind === "scale") !== (webCount !== null)) {
    throw new SlipwayError("internal", `cannot create a ${kind} operation with webCount ${webCount}`);
  }
  if (webCount !== null && !(Number.isInteger(webCount) && webCount >= 0 && webCount <= maxInstances)) {
    throw invalidField("amount", `must be a whole number from 0 to ${maxInstances}`);
  }
  return {
    ...request,
    status: "pending",
    failure: null,
    attempt: 0,
    revision: 1,
    startedAt: null,
    finishedAt: null,
  };
}

/** Whether the operation is done or has failed. */
export function hasEnded(operation: Operation): boolean {
  return operation.status === "done" || operation.status === "error";
}

/**
 * An attempt claims the operation, from its lane or after another attempt crashed.
 * @throws {SlipwayError} "lease-lost" when the attempt is not newer; "conflict" when the operation has ended.
 */
export function claimOperation(operation: Operation, attempt: number, at: Date): Operation {
  checkNotEnded(operation);
  if (attempt <= operation.attempt) {
    throw new SlipwayError(
      "lease-lost",
      `attempt ${attempt} is not newer than the stored attempt ${operation.attempt}`,
    );
  }
  return {
    ...operation,
    status: "running",
    attempt,
    revision: operation.revision + 1,
    startedAt: operation.startedAt ?? at,
  };
}

/**
 * Returns the operation with only the revision incremented. Storing it proves that the attempt still holds the lease.
 * @throws {SlipwayError} "conflict" unless the operation is running.
 */
export function confirmOperation(operation: Operation): Operation {
  if (operation.status !== "running") {
    throw new SlipwayError("conflict", `the operation is ${operation.status}; no attempt runs it`);
  }
  return { ...operation, revision: operation.revision + 1 };
}

/** Requeues the operation. @throws {SlipwayError} "conflict" unless the operation is running. */
export function requeueOperation(operation: Operation): Operation {
  return { ...confirmOperation(operation), status: "pending" };
}

/**
 * Ends an operation, including one that never ran because a later one superseded it.
 * @param failure null when the operation is done.
 * @throws {SlipwayError} "conflict" when the operation has already ended.
 */
export function endOperation(operation: Operation, at: Date, failure: Operation["failure"]): Operation {
  checkNotEnded(operation);
  return {
    ...operation,
    status: failure === null ? "done" : "error",
    failure,
    revision: operation.revision + 1,
    startedAt: operation.startedAt ?? at,
    finishedAt: at,
  };
}

/** Number of web instances after the unfinished operations of the app's lane, in their order, are done. */
export function wantedWebCount(webCount: number, unfinished: readonly Operation[]): number {
  return unfinished.reduce((count, operation) => operation.webCount ?? count, webCount);
}

function checkNotEnded(operation: Operation): void {
  if (hasEnded(operation)) {
    throw new SlipwayError("conflict", `the operation has already ended: ${operation.status}`);
  }
}
