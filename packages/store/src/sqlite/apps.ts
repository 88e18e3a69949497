// Apps in SQLite.

import type {
  Address,
  App,
  AppSelection,
  AppStore,
  BuilderSetting,
  ConcurrencyPolicy,
  PageRequest,
  Quotas,
} from "@slipway/core";
import { millis, optionalTime, time } from "./columns.ts";
import type { Database, Transaction, Value } from "./database.ts";
import { conflictWhenTaken } from "./failures.ts";
import { checkAdded } from "./usage.ts";

interface AppRow {
  id: string;
  name: string;
  owner_id: string;
  created_at: number;
  updated_at: number;
  deleted_at: number | null;
  revision: number;
  current_release_id: string | null;
  current_rollout_id: string | null;
  targets: string;
  web_count: number;
  concurrency_policy: ConcurrencyPolicy;
  builder: BuilderSetting;
  builder_image: string | null;
  stack: string | null;
  last_deployed_at: number | null;
  cache_version: number;
}

/** A partial unique index on the name prevents two apps that are not deleted from having the same name. */
const taken = "the app's name is taken, or its id is";

/** All apps, or, with ?1 and ?2, an owner's apps and others by their ids as JSON. The order of the join is that of CROSS JOIN. */
const selections = {
  all: "apps WHERE deleted_at IS NULL",
  some: `(SELECT id AS selected FROM apps WHERE owner_id = ?1 AND deleted_at IS NULL
      UNION SELECT value FROM json_each(?2))
    CROSS JOIN apps ON id = selected WHERE deleted_at IS NULL`,
} as const;

/** ?3 and further: for `after` a name and a limit; otherwise a part of the name, a limit, and how many apps to skip. */
const selecting = (from: string) => ({
  after: `SELECT apps.* FROM ${from} AND name > ?3 ORDER BY name LIMIT ?4`,
  page: `SELECT apps.* FROM ${from} AND instr(name, ?3) > 0 ORDER BY name LIMIT ?4 OFFSET ?5`,
  count: `SELECT count(*) AS count FROM ${from} AND instr(name, ?3) > 0`,
});

export const appQueries = {
  byName: "SELECT * FROM apps WHERE name = ? AND deleted_at IS NULL",
  deleted: "SELECT * FROM apps WHERE deleted_at IS NOT NULL ORDER BY deleted_at",
  many: "SELECT * FROM apps WHERE id IN (SELECT value FROM json_each(?))",
  ids: "SELECT id FROM apps WHERE id > ? AND deleted_at IS NULL ORDER BY id LIMIT ?",
  ofAll: selecting(selections.all),
  ofSome: selecting(selections.some),
} as const;

export function appStore(database: Database): AppStore {
  const one = (sql: string, value: string) =>
    database.read((transaction) => {
      const [row] = transaction.all<AppRow>(sql, value);
      return row === undefined ? null : appFrom(row);
    });
  const many = (sql: string, ...values: Value[]) =>
    database.read((transaction) => transaction.all<AppRow>(sql, ...values).map(appFrom));
  return {
    create: (app, quotas) => conflictWhenTaken(insert(database, app, quotas), taken),
    get: (id) => one("SELECT * FROM apps WHERE id = ?", id),
    many: (ids) => many(appQueries.many, JSON.stringify(ids)),
    byName: (name) => one(appQueries.byName, name),
    after: (selection, after, limit) =>
      many(queriesFor(selection).after, ...selectionValues(selection), after, limit),
    search: (selection, text, page) =>
      database.read((transaction) => search(transaction, selection, text, page)),
    deleted: () => many(appQueries.deleted),
    ids: (after, limit) =>
      database.read((transaction) =>
        transaction.all<{ id: string }>(appQueries.ids, after, limit).map(({ id }) => id),
      ),
    compareAndSet: (next) => conflictWhenTaken(update(database, next), taken),
    remove: (id) =>
      database.write((transaction) => {
        transaction.run("DELETE FROM apps WHERE id = ?", id);
      }),
  };
}

function search(
  transaction: Transaction,
  selection: AppSelection,
  text: string,
  { page, perPage }: PageRequest,
) {
  const queries = queriesFor(selection);
  const values = [...selectionValues(selection), text];
  const rows = transaction.all<AppRow>(queries.page, ...values, perPage, (page - 1) * perPage);
  const [total] = transaction.all<{ count: number }>(queries.count, ...values);
  return { apps: rows.map(appFrom), totalCount: total?.count ?? 0 };
}

function queriesFor(selection: AppSelection) {
  return selection === "all" ? appQueries.ofAll : appQueries.ofSome;
}

function selectionValues(selection: AppSelection): Value[] {
  return selection === "all" ? [null, null] : [selection.ownerId, JSON.stringify(selection.otherIds)];
}

function insert(database: Database, app: App, quotas: Quotas | undefined): Promise<void> {
  const { ownerId, webCount } = app;
  return database.write((transaction) => {
    checkAdded(transaction, { ownerId, quotas }, { apps: 1, containers: webCount });
    transaction.run(
      `INSERT INTO apps (id, owner_id, created_at, name, updated_at, deleted_at, revision, current_release_id,
         current_rollout_id, targets, web_count, concurrency_policy, builder, builder_image, stack,
         last_deployed_at, cache_version)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      app.id,
      app.ownerId,
      app.createdAt.getTime(),
      ...changeable(app),
    );
  });
}

function update(database: Database, next: App): Promise<boolean> {
  return database.write(
    (transaction) =>
      transaction.run(
        `UPDATE apps SET name = ?, updated_at = ?, deleted_at = ?, revision = ?, current_release_id = ?,
           current_rollout_id = ?, targets = ?, web_count = ?, concurrency_policy = ?, builder = ?, builder_image = ?,
           stack = ?, last_deployed_at = ?,
           cache_version = ?
         WHERE id = ? AND revision = ?`,
        ...changeable(next),
        next.id,
        next.revision - 1,
      ) === 1,
  );
}

function changeable(app: App): Value[] {
  return [
    app.name,
    app.updatedAt.getTime(),
    millis(app.deletedAt),
    app.revision,
    app.currentReleaseId,
    app.currentRolloutId,
    JSON.stringify(app.targets),
    app.webCount,
    app.concurrencyPolicy,
    app.builder,
    app.builderImage,
    app.stack,
    millis(app.lastDeployedAt),
    app.cacheVersion,
  ];
}

function appFrom(row: AppRow): App {
  return {
    id: row.id,
    name: row.name,
    ownerId: row.owner_id,
    createdAt: time(row.created_at),
    updatedAt: time(row.updated_at),
    deletedAt: optionalTime(row.deleted_at),
    revision: row.revision,
    currentReleaseId: row.current_release_id,
    currentRolloutId: row.current_rollout_id,
    targets: JSON.parse(row.targets) as Address[],
    webCount: row.web_count,
    concurrencyPolicy: row.concurrency_policy,
    builder: row.builder,
    builderImage: row.builder_image,
    stack: row.stack,
    lastDeployedAt: optionalTime(row.last_deployed_at),
    cacheVersion: row.cache_version,
  };
}
