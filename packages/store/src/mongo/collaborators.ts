// Collaborators in MongoDB.

import type { Db, Filter } from "mongodb";
import type { Collaborator, CollaboratorStore } from "@slipway/core";
import type { Connection } from "./connection.ts";
import { document, entity } from "./documents.ts";
import type { Stored } from "./documents.ts";
import { conflictWhenTaken } from "./failures.ts";

type CollaboratorDocument = Stored<Collaborator>;

const oldestFirst = { createdAt: 1, _id: 1 } as const;

export const collaboratorQueries = {
  find: (appId: string, userId: string) => ({ appId, userId }),
  ofApp: (appId: string) => ({ appId }),
  ofUser: (userId: string) => ({ userId }),
} as const;

const collaborators = (database: Db) => database.collection<CollaboratorDocument>("collaborators");

export function collaboratorStore(connection: Connection): CollaboratorStore {
  const one = (filter: Filter<CollaboratorDocument>) =>
    connection.run(async (database) => entity<Collaborator>(await collaborators(database).findOne(filter)));
  const many = (filter: Filter<CollaboratorDocument>) =>
    connection.run(async (database) => {
      const found = await collaborators(database).find(filter).sort(oldestFirst).toArray();
      return found.map((collaborator) => entity<Collaborator>(collaborator));
    });
  const removeMany = (filter: Filter<CollaboratorDocument>) =>
    connection.run(async (database) => {
      await collaborators(database).deleteMany(filter);
    });
  return {
    create: (collaborator) =>
      conflictWhenTaken(
        connection.run(async (database) => {
          await collaborators(database).insertOne(document(collaborator));
        }),
        "the user is a collaborator of the app already, or the id is taken",
      ),
    get: (appId, id) => one({ _id: id, appId }),
    find: (appId, userId) => one(collaboratorQueries.find(appId, userId)),
    ofApp: (appId) => many(collaboratorQueries.ofApp(appId)),
    ofUser: (userId) => many(collaboratorQueries.ofUser(userId)),
    setRole: (appId, id, role) =>
      connection.run(async (database) => {
        const { matchedCount } = await collaborators(database).updateOne(
          { _id: id, appId },
          { $set: { role } },
        );
        return matchedCount === 1;
      }),
    delete: (appId, id) =>
      connection.run(async (database) => {
        const { deletedCount } = await collaborators(database).deleteOne({ _id: id, appId });
        return deletedCount === 1;
      }),
    removeOfApp: (appId) => removeMany({ appId }),
    removeOfUser: (userId) => removeMany({ userId }),
  };
}
