// An operation: a restart or a scaling of an app's running release, asked for by a user and done in the app's lane.

import { invalidField, SlipwayError } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";

export const operationStatuses = ["pending", "running", "done", "error"] as const;
export type OperationStatus = (typeof operationStatuses)[number];
export type OperationKind = "restart" | "scale";

/** How many of an app's operations may wait at a time. */
export const maxPendingOperations = 20;

export interface Operation {
  /** Also the id of the rollout that it starts. */
  readonly id: string;
  readonly appId: string;
  readonly kind: OperationKind;
  /** How many web instances are wanted; null for a restart, which keeps their number. */
  readonly webCount: number | null;
  readonly status: OperationStatus;
  /** Why it ended in "error", for a person. */
  readonly failure: { readonly code: ErrorCode; readonly message: string } | null;
  /** The attempt that holds it, 0 before the first. Grows, never repeats. */
  readonly attempt: number;
  /** Grows by one with every stored change; a compare-and-set names the revision it was made from. */
  readonly revision: number;
  /** The user's id. */
  readonly requestedBy: string;
  readonly createdAt: Date;
  /** When its first attempt began. */
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export type NewOperation = Pick<
  Operation,
  "id" | "appId" | "kind" | "webCount" | "requestedBy" | "createdAt"
>;

/**
 * An operation as it is when it joins its app's lane.
 * @param maxInstances the largest number that may be asked for.
 * @throws {SlipwayError} "invalid" for a number of instances that cannot be.
 */
export function newOperation(request: NewOperation, maxInstances: number): Operation {
  const { kind, webCount } = request;
  if ((kind === "scale") !== (webCount !== null)) {
    throw new SlipwayError("internal", `a ${kind} with a count of ${webCount}`);
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

export function hasEnded(operation: Operation): boolean {
  return operation.status === "done" || operation.status === "error";
}

/**
 * An attempt takes the operation: from its lane, or from an attempt that died.
 * @throws {SlipwayError} "lease-lost" when the attempt is not newer; "conflict" when the operation is over.
 */
export function claimOperation(operation: Operation, attempt: number, at: Date): Operation {
  refuseOver(operation);
  if (attempt <= operation.attempt) {
    throw new SlipwayError("lease-lost", `attempt ${attempt} is not newer than ${operation.attempt}`);
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
 * The operation as it was, one revision on: whoever can store it holds it still.
 * @throws {SlipwayError} "conflict" unless it is running.
 */
export function confirmOperation(operation: Operation): Operation {
  if (operation.status !== "running") {
    throw new SlipwayError("conflict", `an operation that is ${operation.status} is held by nobody`);
  }
  return { ...operation, revision: operation.revision + 1 };
}

/** Back to its place in the lane. @throws {SlipwayError} "conflict" unless it is running. */
export function releaseOperation(operation: Operation): Operation {
  return { ...confirmOperation(operation), status: "pending" };
}

/**
 * The end of an operation, also of one that never ran itself because another did its work.
 * @param failure null when it is done. @throws {SlipwayError} "conflict" when it is over already.
 */
export function endOperation(operation: Operation, at: Date, failure: Operation["failure"]): Operation {
  refuseOver(operation);
  return {
    ...operation,
    status: failure === null ? "done" : "error",
    failure,
    revision: operation.revision + 1,
    startedAt: operation.startedAt ?? at,
    finishedAt: at,
  };
}

/** How many web instances an app is to have once the operations of its lane, in their order, are done. */
export function wantedWebCount(webCount: number, unfinished: readonly Operation[]): number {
  return unfinished.reduce((count, operation) => operation.webCount ?? count, webCount);
}

function refuseOver(operation: Operation): void {
  if (hasEnded(operation)) {
    throw new SlipwayError("conflict", `the operation is over already: ${operation.status}`);
  }
}
