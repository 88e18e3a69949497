// Migrates a database to this version's schema, in whichever process starts first.

import { createHash } from "node:crypto";
import { SlipwayError } from "@slipway/core";
import type { Database, Transaction } from "./database.ts";
import type { Migration } from "./migrations/index.ts";

interface Applied {
  readonly number: number;
  readonly name: string;
  readonly sha256: string;
}

const bookkeeping = `
CREATE TABLE migrations (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  applied_at INTEGER NOT NULL
) STRICT`;

/**
 * Applies what is missing in one transaction under the write lock: a second process waits, then finds nothing to do.
 * @throws {SlipwayError} "configuration-invalid" when the database is newer than the code, was made by other migrations,
 * or belongs to something else; nothing is changed then.
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[],
  now: () => Date,
): Promise<void> {
  await database.write((transaction) => {
    const applied = appliedMigrations(transaction, database);
    checkHistory(applied, migrations, database.path);
    for (const migration of migrations.slice(applied.length)) {
      database.script(migration.sql);
      transaction.run(
        "INSERT INTO migrations (number, name, sha256, applied_at) VALUES (?, ?, ?, ?)",
        migration.number,
        migration.name,
        checksum(migration),
        now().getTime(),
      );
    }
  });
}

function appliedMigrations(transaction: Transaction, database: Database): Applied[] {
  const tables = transaction.all<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'");
  if (tables.length === 0) database.script(bookkeeping);
  else if (!tables.some(({ name }) => name === "migrations")) {
    throw new SlipwayError("configuration-invalid", `${database.path} is a database of another program`);
  }
  return transaction.all<Applied>("SELECT number, name, sha256 FROM migrations ORDER BY number");
}

function checkHistory(applied: readonly Applied[], migrations: readonly Migration[], path: string): void {
  if (applied.length > migrations.length) {
    throw new SlipwayError(
      "configuration-invalid",
      `${path} has schema ${applied.length}, newer than ${migrations.length}, the newest this version supports: run a newer Slipway`,
    );
  }
  for (const [index, migration] of applied.entries()) {
    const ours = migrations[index];
    if (ours === undefined || ours.number !== migration.number || checksum(ours) !== migration.sha256) {
      throw new SlipwayError(
        "configuration-invalid",
        `${path} was made by another migration ${migration.number} (${migration.name}) than this version's`,
      );
    }
  }
}

function checksum(migration: Migration): string {
  return createHash("sha256").update(migration.sql).digest("hex");
}
