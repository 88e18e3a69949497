// Sources in MongoDB: the record of each uploaded archive.

import type { Db } from "mongodb";
import type { Source, SourceStore } from "@slipway/core";
import type { Connection } from "./connection.ts";
import { document, entity, insertIfMissing } from "./documents.ts";
import type { Stored } from "./documents.ts";
import { withinQuotas } from "./quotas.ts";

const sources = (database: Db) => database.collection<Stored<Source>>("sources");

export const sourceQueries = {
  expired: (before: Date) => ({ expiresAt: { $lt: before } }),
} as const;

export function sourceStore(connection: Connection): SourceStore {
  return {
    create: (source, limits) =>
      connection.runInTurn(`quotas ${source.ownerId}`, async (database, signal) => {
        const { id, ownerId } = source;
        const additions = [{ kind: "sources", id, amount: 1 }] as const;
        await withinQuotas({ database, signal }, { ownerId, limits }, additions, () =>
          insertIfMissing(sources(database), document(source)),
        );
      }),
    get: (id) => connection.run(async (database) => entity(await sources(database).findOne({ _id: id }))),
    complete: (id, sizeBytes, limits) =>
      connection.run(async (database, signal) => {
        const open = { _id: id, sizeBytes: null };
        const source = await sources(database).findOne(open);
        if (source === null) return false;
        const additions = [{ kind: "sourceBytes", id, amount: sizeBytes }] as const;
        const { ownerId } = source;
        return withinQuotas({ database, signal }, { ownerId, limits }, additions, async () => {
          const { matchedCount } = await sources(database).updateOne(open, { $set: { sizeBytes } });
          return matchedCount === 1;
        });
      }),
    expired: (before, limit) =>
      connection.run(async (database) => {
        const expired = sources(database).find(sourceQueries.expired(before)).sort({ expiresAt: 1 });
        return (await expired.limit(limit).toArray()).map((found) => entity(found));
      }),
    remove: (id) =>
      connection.run(async (database) => {
        await sources(database).deleteOne({ _id: id });
      }),
  };
}
