// Users and their API tokens in MongoDB.

import type { Db } from "mongodb";
import type { ApiToken, PageRequest, TokenStore, User, UserStore } from "@slipway/core";
import { compareAndSet } from "./compare-and-set.ts";
import type { Connection } from "./connection.ts";
import { document, entity } from "./documents.ts";
import type { Stored } from "./documents.ts";
import { conflictWhenTaken } from "./failures.ts";

export const userQueries = {
  byUsername: (username: string) => ({ username }),
  byEmail: (email: string) => ({ email }),
  many: (ids: readonly string[]) => ({ _id: { $in: [...ids] } }),
  operators: { operator: true },
} as const;

export const tokenQueries = {
  bySecret: (secretSha256: string) => ({ secretSha256 }),
  ofUser: (userId: string) => ({ userId }),
} as const;

const users = (database: Db) => database.collection<Stored<User>>("users");
const tokens = (database: Db) => database.collection<Stored<ApiToken>>("tokens");

export function userStore(connection: Connection): UserStore {
  return {
    create: (user) =>
      conflictWhenTaken(
        connection.run(async (database) => {
          await users(database).insertOne(document(user));
        }),
        "the user's id, username or email is taken",
      ),
    get: (id) => connection.run(async (database) => entity(await users(database).findOne({ _id: id }))),
    many: (ids) =>
      connection.run(async (database) =>
        (await users(database).find(userQueries.many(ids)).toArray()).map((found) => entity(found)),
      ),
    byUsername: (username) =>
      connection.run(async (database) =>
        entity(await users(database).findOne(userQueries.byUsername(username))),
      ),
    byEmail: (email) =>
      connection.run(async (database) => entity(await users(database).findOne(userQueries.byEmail(email)))),
    list: (page) => connection.run((database) => pageOf(database, page)),
    countOperators: () => connection.run((database) => users(database).countDocuments(userQueries.operators)),
    compareAndSet: (next) => {
      const { username: _, createdAt: __, ...changeable } = document(next);
      return conflictWhenTaken(
        connection.run((database) => compareAndSet(users(database), changeable)),
        "the email is taken",
      );
    },
    delete: (id) =>
      connection.run(async (database) => {
        const { deletedCount } = await users(database).deleteOne({ _id: id });
        return deletedCount === 1;
      }),
  };
}

export function tokenStore(connection: Connection): TokenStore {
  return {
    create: (token) =>
      conflictWhenTaken(
        connection.run(async (database) => {
          await tokens(database).insertOne(document(token));
        }),
        "the token's id or secret exists already",
      ),
    bySecret: (secretSha256) =>
      connection.run(async (database) =>
        tokenOrNull(await tokens(database).findOne(tokenQueries.bySecret(secretSha256))),
      ),
    get: (id) => connection.run(async (database) => tokenOrNull(await tokens(database).findOne({ _id: id }))),
    ofUser: (userId) =>
      connection.run(async (database) => {
        const found = await tokens(database)
          .find(tokenQueries.ofUser(userId))
          .sort({ createdAt: 1, _id: 1 })
          .toArray();
        return found.map(tokenFrom);
      }),
    touch: (id, usedAt) =>
      connection.run(async (database) => {
        await tokens(database).updateOne({ _id: id }, { $set: { lastUsedAt: usedAt } });
      }),
    delete: (userId, id) =>
      connection.run(async (database) => {
        const { deletedCount } = await tokens(database).deleteOne({ _id: id, userId });
        return deletedCount === 1;
      }),
    removeOfUser: (userId) =>
      connection.run(async (database) => {
        await tokens(database).deleteMany({ userId });
      }),
  };
}

/** Documents of earlier versions have no `parentId`. */
function tokenFrom(found: Stored<ApiToken>): ApiToken {
  return { ...entity(found), parentId: (found as Partial<Stored<ApiToken>>).parentId ?? null };
}

function tokenOrNull(found: Stored<ApiToken> | null): ApiToken | null {
  return found === null ? null : tokenFrom(found);
}

async function pageOf(database: Db, { page, perPage }: PageRequest) {
  // Exact, not an estimate, because the number of pages is derived from it.
  const totalCount = await users(database).countDocuments();
  const skipped = (page - 1) * perPage;
  if (skipped >= totalCount) return { users: [], totalCount };
  const found = users(database).find().sort({ username: 1 }).skip(skipped).limit(perPage);
  return { users: (await found.toArray()).map((one) => entity<User>(one)), totalCount };
}
