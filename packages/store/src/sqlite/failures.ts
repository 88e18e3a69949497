// The meaning of SQLite's error codes.

import { SlipwayError } from "@slipway/core";
import { hasNoSpace, storeIsFull } from "../disk-full.ts";

/** Primary result codes, the low byte of the extended ones. */
const busy = 5;
const locked = 6;
/** The disk is full, or a limit of the database's size is reached. */
const full = 13;
/** Faults of the caller, not of the database: invalid SQL, a refused row, a wrong type, misuse, too many parameters. */
const callersFaults: ReadonlySet<number> = new Set([1, 19, 20, 21, 25]);
/** Extended codes of a unique index and of a primary key. */
const uniqueViolations: ReadonlySet<number> = new Set([2067, 1555]);

/** Another connection holds the lock: waiting helps. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error) & 0xff;
  return code === busy || code === locked;
}

/** A unique index refused the row. */
function isUniqueViolation(error: unknown): boolean {
  return uniqueViolations.has(sqliteCode(error));
}

/** Awaits a write; a row that a unique index refuses becomes a "conflict" that names the taken field. */
export async function conflictWhenTaken<Result>(write: Promise<Result>, message: string): Promise<Result> {
  try {
    return await write;
  } catch (error) {
    if (isUniqueViolation(error)) throw new SlipwayError("conflict", message, { cause: error });
    throw error;
  }
}

/** Awaits a write. @returns false when a unique index refused it. */
export async function falseWhenTaken(write: Promise<boolean>): Promise<boolean> {
  try {
    return await write;
  } catch (error) {
    if (isUniqueViolation(error)) return false;
    throw error;
  }
}

/**
 * Translates an error for callers of the store: failures of the database or its file system become "store-unavailable" with their
 * cause; the caller's own errors, including refused rows, and errors unrelated to the database are unchanged.
 */
export function storeUnavailable(error: unknown, where: string): unknown {
  if (error instanceof SlipwayError || !isOfDatabase(error)) return error;
  if (isDiskFull(error)) return storeIsFull(where, error);
  const why = isBusy(error) ? "is locked by another process for too long" : `failed: ${error.message}`;
  return new SlipwayError("store-unavailable", `${where} ${why}`, { cause: error });
}

function isDiskFull(error: unknown): boolean {
  return (sqliteCode(error) & 0xff) === full || hasNoSpace(error);
}

/** Errors of node:sqlite, of a closed connection, and of the related file system calls. */
function isOfDatabase(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  if (code === "ERR_SQLITE_ERROR") return !callersFaults.has(sqliteCode(error) & 0xff);
  return code === "ERR_INVALID_STATE" || syscall !== undefined;
}

function sqliteCode(error: unknown): number {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  return code === "ERR_SQLITE_ERROR" && typeof errcode === "number" ? errcode : 0;
}
