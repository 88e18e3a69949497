// Moves the SQLite file of an earlier version into its own folder.

import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { databaseFile, formerDatabaseFile } from "@slipway/service";
import { SetupError } from "./setup-error.ts";

/**
 * Moves the database of `dataDir` and SQLite's files beside it; does nothing if it was moved before. No process may have it open.
 * Throws SetupError when there are two databases.
 */
export async function moveDatabase(dataDir: string, report: (text: string) => void): Promise<void> {
  const [from, to] = [formerDatabaseFile(dataDir), databaseFile(dataDir)];
  if (!existsSync(from)) return;
  if (existsSync(to))
    throw new SetupError(
      `There are two databases, ${from} and ${to}: delete or move away the one that is not needed.`,
    );
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  // The database is moved last, so that an interrupted move is continued.
  for (const suffix of ["-wal", "-shm", ""])
    if (existsSync(from + suffix)) await rename(from + suffix, to + suffix);
  report(`database moved to ${to}`);
}
