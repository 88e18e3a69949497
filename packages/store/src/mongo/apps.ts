// Apps in MongoDB.

import type { Db, Filter, Sort } from "mongodb";
import type { App, AppSelection, AppStore, BuilderSetting, PageRequest } from "@slipway/core";
import { compareAndSet } from "./compare-and-set.ts";
import type { Connection } from "./connection.ts";
import { document, entity } from "./documents.ts";
import type { Stored } from "./documents.ts";
import { conflictWhenTaken } from "./failures.ts";
import { withinQuotas } from "./quotas.ts";

/** `live` means not deleted: a unique index over live apps makes their names unique. */
type AppDocument = Omit<Stored<App>, "builder" | "builderImage" | "stack"> & {
  readonly live: boolean;
  /** Missing in documents of earlier versions. */
  readonly builder?: BuilderSetting;
  readonly builderImage?: string | null;
  readonly stack?: string | null;
};

const taken = "the app's name is taken, or its id is";

export const appQueries = {
  byName: (name: string) => ({ live: true, name }),
  ofOwner: (ownerId: string) => ({ live: true, ownerId }),
  deleted: { live: false },
  many: (ids: readonly string[]) => ({ _id: { $in: [...ids] } }),
  idsAfter: (id: string) => ({ live: true, _id: { $gt: id } }),
  after: (name: string) => ({ live: true, name: { $gt: name } }),
  named: (text: string) => ({ live: true, ...(text === "" ? {} : { name: { $regex: escaped(text) } }) }),
} as const;

const apps = (database: Db) => database.collection<AppDocument>("apps");

export function appStore(connection: Connection): AppStore {
  const one = (filter: Filter<AppDocument>) =>
    connection.run(async (database) => appFrom(await apps(database).findOne(filter)));
  const many = (filter: Filter<AppDocument>, sort: Sort) =>
    connection.run(async (database) =>
      (await apps(database).find(filter).sort(sort).toArray()).map((found) => appFrom(found)),
    );
  return {
    create: (app, limits) =>
      conflictWhenTaken(
        connection.runInTurn(`quotas ${app.ownerId}`, (database, signal) => {
          const { id, ownerId, webCount } = app;
          const additions = [
            { kind: "apps", id, amount: 1 },
            { kind: "containers", id, amount: webCount },
          ] as const;
          return withinQuotas({ database, signal }, { ownerId, limits }, additions, async () => {
            await apps(database).insertOne(documentOf(app));
          });
        }),
        taken,
      ),
    get: (id) => one({ _id: id }),
    many: (ids) => many(appQueries.many(ids), { _id: 1 }),
    byName: (name) => one(appQueries.byName(name)),
    after: (selection, after, limit) =>
      connection.run(async (database) => {
        const filter = { ...appQueries.after(after), ...(await selected(database, selection)) };
        const found = await apps(database).find(filter).sort({ name: 1 }).limit(limit).toArray();
        return found.map((stored) => appFrom(stored));
      }),
    search: (selection, text, page) => connection.run((database) => search(database, selection, text, page)),
    deleted: () => many(appQueries.deleted, { deletedAt: 1 }),
    ids: (after, limit) =>
      connection.run(async (database) => {
        const found = apps(database).find(appQueries.idsAfter(after)).sort({ _id: 1 }).limit(limit);
        return (await found.project<{ _id: string }>({ _id: 1 }).toArray()).map(({ _id }) => _id);
      }),
    compareAndSet: (next) =>
      conflictWhenTaken(
        connection.run((database) => compareAndSet(apps(database), documentOf(next))),
        taken,
      ),
    remove: (id) =>
      connection.run(async (database) => {
        await apps(database).deleteOne({ _id: id });
      }),
  };
}

async function search(
  database: Db,
  selection: AppSelection,
  text: string,
  { page, perPage }: PageRequest,
): Promise<{ apps: App[]; totalCount: number }> {
  const filter = { ...appQueries.named(text), ...(await selected(database, selection)) };
  const totalCount = await apps(database).countDocuments(filter);
  const skipped = (page - 1) * perPage;
  // The number of documents to skip may exceed the server's maximum.
  if (skipped >= totalCount) return { apps: [], totalCount };
  const found = apps(database).find(filter).sort({ name: 1 }).skip(skipped).limit(perPage);
  return { apps: (await found.toArray()).map((one) => appFrom(one)), totalCount };
}

/** A condition for the selected apps. Reads the ids of the owner's apps first: with an `$or`, MongoDB might read all apps by name. */
async function selected(database: Db, selection: AppSelection) {
  if (selection === "all") return {};
  const own = apps(database).find(appQueries.ofOwner(selection.ownerId)).project<{ _id: string }>({ _id: 1 });
  const ownIds = (await own.toArray()).map(({ _id }) => _id);
  return appQueries.many([...ownIds, ...selection.otherIds]);
}

/** A regular expression for the text itself. */
function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function documentOf(app: App): AppDocument {
  return { ...document(app), live: app.deletedAt === null };
}

function appFrom(found: AppDocument): App;
function appFrom(found: AppDocument | null): App | null;
function appFrom(found: AppDocument | null): App | null {
  if (found === null) return null;
  const { live: _, ...app } = found;
  return entity<App>({
    ...app,
    builder: app.builder ?? "auto",
    builderImage: app.builderImage ?? null,
    stack: app.stack ?? null,
  });
}
