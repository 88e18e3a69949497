// What SQLite's error codes mean to us.

import { SlipwayError } from "@slipway/core";
import { hasNoSpace, storeIsFull } from "../full.ts";

/** Primary result codes, the low byte of the extended ones. */
const busy = 5;
const locked = 6;
/** The disk is full, or a limit of the database's size is reached. */
const full = 13;
/** Faults of the caller, not of the database: wrong SQL, a refused row, a wrong type, misuse, a parameter too many. */
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

/** Waits for a write; one that a unique index refuses is not made: false. */
export async function falseWhenTaken(write: Promise<boolean>): Promise<boolean> {
  try {
    return await write;
  } catch (error) {
    if (isUniqueViolation(error)) return false;
    throw error;
  }
}

/**
 * The error as callers of the store know it: what the database or its file system did is "store-unavailable" with its
 * cause; what the caller did, a refused row included, and whatever is not the database's, stays as it is.
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

/** node:sqlite's own errors, a closed connection, and those of the file system calls beside it. */
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
