// Apps' configuration variables in SQLite.

import type { Variable, VariableScope, VariableStore } from "@slipway/core";
import type { Database, Transaction } from "./database.ts";
import { conflictWhenTaken } from "./failures.ts";

interface VariableRow {
  id: string;
  app_id: string;
  name: string;
  value: string;
  scope: VariableScope;
}

export function variableStore(database: Database): VariableStore {
  return {
    list: (appId) =>
      database.read((transaction) =>
        transaction
          .all<VariableRow>("SELECT * FROM variables WHERE app_id = ? ORDER BY name", appId)
          .map(variableFrom),
      ),
    get: (appId, id) =>
      database.read((transaction) => {
        const [row] = transaction.all<VariableRow>(
          "SELECT * FROM variables WHERE id = ? AND app_id = ?",
          id,
          appId,
        );
        return row === undefined ? null : variableFrom(row);
      }),
    set: (appId, variables) =>
      conflictWhenTaken(
        database.write((transaction) => setAll(transaction, appId, variables)),
        "a variable's id is taken by another",
      ),
    delete: (appId, ids) =>
      database.write((transaction) =>
        ids
          .map((id) => transaction.run("DELETE FROM variables WHERE id = ? AND app_id = ?", id, appId))
          .reduce((sum, count) => sum + count, 0),
      ),
    removeOfApp: (appId) =>
      database.write((transaction) => {
        transaction.run("DELETE FROM variables WHERE app_id = ?", appId);
      }),
  };
}

/** Reads back after all are set: a name given twice has one id and the later value. */
function setAll(transaction: Transaction, appId: string, variables: readonly Variable[]): Variable[] {
  for (const { id, name, value, scope } of variables) {
    transaction.run(
      `INSERT INTO variables (id, app_id, name, value, scope) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (app_id, name) DO UPDATE SET value = excluded.value, scope = excluded.scope`,
      id,
      appId,
      name,
      value,
      scope,
    );
  }
  return variables
    .flatMap(({ name }) =>
      transaction.all<VariableRow>("SELECT * FROM variables WHERE app_id = ? AND name = ?", appId, name),
    )
    .map(variableFrom);
}

function variableFrom(row: VariableRow): Variable {
  return { id: row.id, appId: row.app_id, name: row.name, value: row.value, scope: row.scope };
}
