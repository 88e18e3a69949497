// Apps' configuration variables in MongoDB: an app's variables are one document, so they change and are read atomically.

import type { Db } from "mongodb";
import type { Variable, VariableStore } from "@slipway/core";
import { compareAndSet } from "./compare-and-set.ts";
import type { Connection } from "./connection.ts";
import { insertIfMissing } from "./documents.ts";
import { pauseAfterLostRace } from "./lost-race.ts";

/** Without a scope if it was stored before there were scopes. */
type StoredVariable = Omit<Variable, "appId" | "scope"> & Partial<Pick<Variable, "scope">>;

interface VariablesDocument {
  /** The app's id. */
  readonly _id: string;
  readonly revision: number;
  /** By name. */
  readonly variables: readonly StoredVariable[];
}

const collection = (database: Db) => database.collection<VariablesDocument>("variables");

export function variableStore(connection: Connection): VariableStore {
  const list = (appId: string) => connection.run(async (database) => (await read(database, appId)).variables);
  return {
    list,
    get: async (appId, id) => (await list(appId)).find((variable) => variable.id === id) ?? null,
    set: async (appId, given) => {
      const after = await change(connection, appId, (before) => withValues(before, given));
      return given.flatMap(({ name }) => after.filter((variable) => variable.name === name));
    },
    delete: async (appId, ids) => {
      let removed = 0;
      await change(connection, appId, (before) => {
        const after = before.filter(({ id }) => !ids.includes(id));
        removed = before.length - after.length;
        return removed === 0 ? before : after;
      });
      return removed;
    },
    removeOfApp: (appId) =>
      connection.run(async (database) => {
        await collection(database).deleteOne({ _id: appId });
      }),
  };
}

/** Reads, decides, stores by revision, and retries after a lost race. `decide` may return its argument to change nothing. */
function change(
  connection: Connection,
  appId: string,
  decide: (before: Variable[]) => Variable[],
): Promise<Variable[]> {
  return connection.runInTurn(`variables ${appId}`, async (database, signal) => {
    for (let round = 0; ; round += 1) {
      await pauseAfterLostRace(round, signal);
      const { revision, variables } = await read(database, appId);
      const after = decide(variables);
      if (after === variables || (await store(database, appId, revision, after))) return after;
    }
  });
}

async function read(database: Db, appId: string): Promise<{ revision: number; variables: Variable[] }> {
  const found = await collection(database).findOne({ _id: appId });
  if (found === null) return { revision: 0, variables: [] };
  const variables = found.variables.map(({ scope = "both", ...rest }) => ({ ...rest, appId, scope }));
  return { revision: found.revision, variables };
}

async function store(database: Db, appId: string, revision: number, after: Variable[]): Promise<boolean> {
  const fields = {
    revision: revision + 1,
    variables: after.map(({ id, name, value, scope }) => ({ id, name, value, scope })),
  };
  if (revision > 0) {
    return compareAndSet(collection(database), { _id: appId, ...fields });
  }
  return insertIfMissing(collection(database), { _id: appId, ...fields });
}

/** An existing name keeps its id; a name given twice has one id and the later value. */
function withValues(before: readonly Variable[], given: readonly Variable[]): Variable[] {
  const byName = new Map(before.map((variable) => [variable.name, variable]));
  for (const variable of given) {
    byName.set(variable.name, { ...variable, id: byName.get(variable.name)?.id ?? variable.id });
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
