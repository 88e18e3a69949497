// Checks whether a process holds the lock of a SQLite file for longer than a write takes.

import { DatabaseSync } from "node:sqlite";

/** Longer than a write takes on a busy machine. */
const timeoutMs = 2_000;
const sqliteBusy = 5;

/** Blocks this process during the check. @param url the database's URL. For databases other than SQLite, the result is always false. */
export function isWriteLockHeld(url: string): boolean {
  if (!url.startsWith("file:")) return false;
  using database = new DatabaseSync(url.slice("file:".length), { timeout: timeoutMs });
  try {
    database.exec("BEGIN IMMEDIATE; ROLLBACK");
    return false;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === sqliteBusy) return true;
    throw error;
  }
}
