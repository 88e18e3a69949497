// Translates the driver's errors into Slipway's. No other file does this.

import { MongoError, MongoInvalidArgumentError, MongoServerError, MongoServerSelectionError } from "mongodb";
import { SlipwayError } from "@slipway/core";

const duplicateKey = 11_000;
/**
 * Faults of the caller, not of the server: BadValue, FailedToParse, TypeMismatch, a document that is too large (two
 * codes), a value that an index refuses.
 */
const callersFaults: ReadonlySet<number | string | undefined> = new Set([2, 9, 14, 10_334, 17_280, 17_419]);

/** WriteConflict, and the code that DocumentDB reports for a deadlock in PostgreSQL. */
const writeConflicts: ReadonlySet<number | string | undefined> = new Set([112, 16_908_292]);

/** A unique index refused the document. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === duplicateKey;
}

/** Two writes collided and the server rolled this one back completely, so a retry may succeed. */
export function isWriteConflict(error: unknown): boolean {
  return error instanceof MongoServerError && writeConflicts.has(error.code);
}

/** A fault of the server, possibly transient: some servers report two conflicting writes this way. Excludes a failed login. */
export function isServersFault(error: unknown): boolean {
  return (
    error instanceof MongoServerError && !isCallersFault(error) && !error.hasErrorLabel("HandshakeError")
  );
}

/**
 * The call was never carried out: no connection could be made for it, its connection accepted nothing more, or the server
 * rejected it unread. The driver itself retries only for some tenths of a second.
 */
export function wasNotExecuted(error: unknown): boolean {
  if (error instanceof MongoError)
    return error.hasErrorLabel("SystemOverloadedError") && error.hasErrorLabel("RetryableError");
  return error instanceof Error && (error as { syscall?: unknown }).syscall === "write";
}

/** No server was available within the time limit. */
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

/** Awaits a write. @returns false when a unique index refused it. */
export async function falseWhenTaken(write: Promise<boolean>): Promise<boolean> {
  try {
    return await write;
  } catch (error) {
    if (isDuplicate(error)) return false;
    throw error;
  }
}

/**
 * Translates an error for callers of the store: failures of network, driver or server become "store-unavailable" with their cause; the
 * caller's own errors, including refused documents, and errors unrelated to the database are unchanged. No message contains a
 * password: the driver names only hosts.
 */
export function storeUnavailable(error: unknown): unknown {
  if (!isOfDatabase(error)) return error;
  return new SlipwayError("store-unavailable", `the database cannot be used: ${error.message}`, {
    cause: error,
  });
}

/** The driver's own errors; when a connection breaks during a write, the driver passes on the system's error unchanged. */
function isOfDatabase(error: unknown): error is Error {
  if (error instanceof MongoError) return !isCallersFault(error);
  return error instanceof Error && (error as { syscall?: unknown }).syscall !== undefined;
}

function isCallersFault(error: MongoError): boolean {
  if (error instanceof MongoInvalidArgumentError || isDuplicate(error)) return true;
  return error instanceof MongoServerError && callersFaults.has(error.code);
}
