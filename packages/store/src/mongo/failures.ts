// Translates the driver's errors into ours. No other file does.

import { MongoError, MongoInvalidArgumentError, MongoServerError, MongoServerSelectionError } from "mongodb";
import { SlipwayError } from "@slipway/core";

const duplicateKey = 11_000;
/**
 * Faults of the caller, not of the server: BadValue, FailedToParse, TypeMismatch, a document that is too large (two
 * codes), a value an index refuses.
 */
const callersFaults: ReadonlySet<number | string | undefined> = new Set([2, 9, 14, 10_334, 17_280, 17_419]);

/** WriteConflict, and what DocumentDB reports for a deadlock in PostgreSQL. */
const writeConflicts: ReadonlySet<number | string | undefined> = new Set([112, 16_908_292]);

/** A unique index refused the document. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === duplicateKey;
}

/** Two writes collided and the server undid this one completely, so a retry may succeed. */
export function isWriteConflict(error: unknown): boolean {
  return error instanceof MongoServerError && writeConflicts.has(error.code);
}

/** A fault of the server, perhaps a transient one: some servers report two conflicting writes so. Not a failed login. */
export function isServersFault(error: unknown): boolean {
  return (
    error instanceof MongoServerError && !isCallersFault(error) && !error.hasErrorLabel("HandshakeError")
  );
}

/**
 * The call was never carried out: no connection could be made for it, the one it was given took nothing more, or the server
 * turned it away unread. The driver tries again for some tenths of a second only.
 */
export function isNeverCarriedOut(error: unknown): boolean {
  if (error instanceof MongoError)
    return error.hasErrorLabel("SystemOverloadedError") && error.hasErrorLabel("RetryableError");
  return error instanceof Error && (error as { syscall?: unknown }).syscall === "write";
}

/** Within its bound no server was there that could take the call. */
export function isNoServer(error: unknown): boolean {
  return error instanceof MongoServerSelectionError;
}

/** Awaits a write; a document that a unique index refuses becomes a "conflict" that names the taken field. */
export async function conflictWhenTaken<Result>(write: Promise<Result>, message: string): Promise<Result> {
  try {
    return await write;
  } catch (error) {
    if (isDuplicate(error)) throw new SlipwayError("conflict", message, { cause: error });
    throw error;
  }
}

/** Waits for a write; one that a unique index refuses is not made: false. */
export async function falseWhenTaken(write: Promise<boolean>): Promise<boolean> {
  try {
    return await write;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}

/**
 * The error as callers of the store know it: what network, driver or server did is "store-unavailable" with its cause; what
 * the caller did, a refused document included, and whatever is not the database's, stays as it is. No message holds a
 * password: the driver names hosts only.
 */
export function storeUnavailable(error: unknown): unknown {
  if (!isOfDatabase(error)) return error;
  return new SlipwayError("store-unavailable", `the database cannot be used: ${error.message}`, {
    cause: error,
  });
}

/** The driver's own errors; of a connection that breaks while it is written to, it passes the system's on as it is. */
function isOfDatabase(error: unknown): error is Error {
  if (error instanceof MongoError) return !isCallersFault(error);
  return error instanceof Error && (error as { syscall?: unknown }).syscall !== undefined;
}

function isCallersFault(error: MongoError): boolean {
  if (error instanceof MongoInvalidArgumentError || isDuplicate(error)) return true;
  return error instanceof MongoServerError && callersFaults.has(error.code);
}
