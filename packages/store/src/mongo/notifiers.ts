// Notifiers and their deliveries in MongoDB.

import type { Db } from "mongodb";
import type { Delivery, DeliveryStore, Notifier, NotifierStore } from "@slipway/core";
import { compareAndSet } from "./compare-and-set.ts";
import type { Connection } from "./connection.ts";
import { document, entity } from "./documents.ts";
import type { Stored } from "./documents.ts";
import { conflictWhenTaken } from "./failures.ts";

export const notifierQueries = {
  ofApp: (appId: string) => ({ appId }),
  deliveries: (notifierId: string) => ({ notifierId }),
  deliveriesOfApp: (appId: string) => ({ appId }),
  deliveriesBefore: (before: Date) => ({ createdAt: { $lt: before } }),
} as const;

const notifiers = (database: Db) => database.collection<Stored<Notifier>>("notifiers");
const deliveries = (database: Db) => database.collection<Stored<Delivery>>("deliveries");

export function notifierStore(connection: Connection): NotifierStore {
  return {
    create: (notifier) =>
      conflictWhenTaken(
        connection.run(async (database) => {
          await notifiers(database).insertOne(document(notifier));
        }),
        "the notifier's id is taken",
      ),
    get: (appId, id) =>
      connection.run(async (database) =>
        entity<Notifier>(await notifiers(database).findOne({ _id: id, appId })),
      ),
    ofApp: (appId) =>
      connection.run(async (database) => {
        const found = notifiers(database).find(notifierQueries.ofApp(appId)).sort({ createdAt: 1, _id: 1 });
        return (await found.toArray()).map((notifier) => entity<Notifier>(notifier));
      }),
    appIds: () => connection.run((database) => notifiers(database).distinct("appId")),
    compareAndSet: (next) => connection.run((database) => compareAndSet(notifiers(database), document(next))),
    delete: (appId, id) =>
      connection.run(async (database) => {
        const { deletedCount } = await notifiers(database).deleteOne({ _id: id, appId });
        return deletedCount === 1;
      }),
    removeOfApp: (appId) =>
      connection.run(async (database) => {
        await notifiers(database).deleteMany({ appId });
      }),
  };
}

export function deliveryStore(connection: Connection): DeliveryStore {
  return {
    put: (delivery) =>
      connection.run(async (database) => {
        const { _id, ...facts } = document(delivery);
        await deliveries(database).updateOne({ _id }, { $set: facts }, { upsert: true });
      }),
    get: (id) =>
      connection.run(async (database) => entity<Delivery>(await deliveries(database).findOne({ _id: id }))),
    ofNotifier: (notifierId, limit) =>
      connection.run(async (database) => {
        const found = deliveries(database)
          .find(notifierQueries.deliveries(notifierId))
          .sort({ createdAt: -1, _id: -1 })
          .limit(limit);
        return (await found.toArray()).map((delivery) => entity<Delivery>(delivery));
      }),
    removeBefore: (before, limit) =>
      connection.run(async (database) => {
        const old = deliveries(database)
          .find(notifierQueries.deliveriesBefore(before))
          .sort({ createdAt: 1 });
        const ids = (await old.limit(limit).project<{ _id: string }>({ _id: 1 }).toArray()).map(
          ({ _id }) => _id,
        );
        return (await deliveries(database).deleteMany({ _id: { $in: ids } })).deletedCount;
      }),
    removeOfApp: (appId) =>
      connection.run(async (database) => {
        await deliveries(database).deleteMany(notifierQueries.deliveriesOfApp(appId));
      }),
  };
}
