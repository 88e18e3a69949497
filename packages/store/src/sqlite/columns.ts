// How values that SQLite does not have are kept in columns: times as milliseconds, yes and no as 1 and 0.

import { SlipwayError } from "@slipway/core";
import { isUniqueViolation } from "./failures.ts";

export function millis(date: Date | null): number | null {
  return date === null ? null : date.getTime();
}

export function time(sinceEpochMs: number): Date {
  return new Date(sinceEpochMs);
}

export function optionalTime(sinceEpochMs: number | null): Date | null {
  return sinceEpochMs === null ? null : new Date(sinceEpochMs);
}

/** Waits for a write; a row that a unique index refuses is a "conflict" that says what is taken. */
export async function conflictWhenTaken<Result>(write: Promise<Result>, message: string): Promise<Result> {
  try {
    return await write;
  } catch (error) {
    if (isUniqueViolation(error)) throw new SlipwayError("conflict", message, { cause: error });
    throw error;
  }
}
