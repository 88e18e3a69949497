// Whether some process holds the lock of a SQLite file for longer than a write takes.

import { DatabaseSync } from "node:sqlite";

/** Longer than the writes of a busy machine. */
const patienceMs = 2_000;
const sqliteBusy = 5;

/** Blocks while it finds out. @param url as DATABASE_URL; of another database than SQLite it is never held. */
export function isWriteLockHeld(url: string): boolean {
  if (!url.startsWith("file:")) return false;
  using database = new DatabaseSync(url.slice("file:".length), { timeout: patienceMs });
  try {
    database.exec("BEGIN IMMEDIATE; ROLLBACK");
    return false;
  } catch (error) {
    if ((error as { errcode?: number }).errcode === sqliteBusy) return true;
    throw error;
  }
}
