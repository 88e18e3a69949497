// Users and their API tokens in SQLite.

import type { ApiToken, TokenStore, User, UserStore } from "@slipway/core";
import { millis, optionalTime, time } from "./columns.ts";
import type { Database, Value } from "./database.ts";
import { conflictWhenTaken } from "./failures.ts";

interface UserRow {
  id: string;
  username: string;
  email: string;
  fullname: string;
  operator: number;
  password_hash: string | null;
  created_at: number;
  revision: number;
}

interface TokenRow {
  id: string;
  user_id: string;
  name: string;
  secret_sha256: string;
  created_at: number;
  last_used_at: number | null;
  parent_id: string | null;
}

export const userQueries = {
  byUsername: "SELECT * FROM users WHERE username = ?",
  byEmail: "SELECT * FROM users WHERE email = ?",
  page: "SELECT * FROM users ORDER BY username LIMIT ? OFFSET ?",
  many: "SELECT * FROM users WHERE id IN (SELECT value FROM json_each(?))",
  countOperators: "SELECT count(*) AS count FROM users WHERE operator = 1",
} as const;

const taken = "the user's id, username or email is taken";

export function userStore(database: Database): UserStore {
  const one = (sql: string, value: string) =>
    database.read((transaction) => {
      const [row] = transaction.all<UserRow>(sql, value);
      return row === undefined ? null : userFrom(row);
    });
  return {
    create: (user) => conflictWhenTaken(insertUser(database, user), taken),
    get: (id) => one("SELECT * FROM users WHERE id = ?", id),
    many: (ids) =>
      database.read((transaction) =>
        transaction.all<UserRow>(userQueries.many, JSON.stringify(ids)).map(userFrom),
      ),
    byUsername: (username) => one(userQueries.byUsername, username),
    byEmail: (email) => one(userQueries.byEmail, email),
    list: ({ page, perPage }) =>
      database.read((transaction) => ({
        users: transaction.all<UserRow>(userQueries.page, perPage, (page - 1) * perPage).map(userFrom),
        totalCount: countIn(transaction.all<{ count: number }>("SELECT count(*) AS count FROM users")),
      })),
    countOperators: () =>
      database.read((transaction) => countIn(transaction.all<{ count: number }>(userQueries.countOperators))),
    compareAndSet: (next) => conflictWhenTaken(updateUser(database, next), taken),
    delete: (id) =>
      database.write((transaction) => transaction.run("DELETE FROM users WHERE id = ?", id) === 1),
  };
}

function countIn([row]: readonly { count: number }[]): number {
  return row?.count ?? 0;
}

function insertUser(database: Database, user: User): Promise<void> {
  return database.write((transaction) => {
    transaction.run(
      `INSERT INTO users (id, username, created_at, email, fullname, operator, password_hash, revision)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      user.id,
      user.username,
      user.createdAt.getTime(),
      ...changeable(user),
    );
  });
}

function updateUser(database: Database, next: User): Promise<boolean> {
  return database.write(
    (transaction) =>
      transaction.run(
        `UPDATE users SET email = ?, fullname = ?, operator = ?, password_hash = ?, revision = ?
         WHERE id = ? AND revision = ?`,
        ...changeable(next),
        next.id,
        next.revision - 1,
      ) === 1,
  );
}

export function tokenStore(database: Database): TokenStore {
  const one = (sql: string, value: string) =>
    database.read((transaction) => {
      const [row] = transaction.all<TokenRow>(sql, value);
      return row === undefined ? null : tokenFrom(row);
    });
  return {
    create: (token) =>
      conflictWhenTaken(
        database.write((transaction) => {
          transaction.run(
            `INSERT INTO tokens (id, user_id, name, secret_sha256, created_at, last_used_at, parent_id)
             VALUES (?, ?, ?, ?, ?, ?, ?)`,
            ...tokenValues(token),
          );
        }),
        "the token's id or secret exists already",
      ),
    bySecret: (secretSha256) => one("SELECT * FROM tokens WHERE secret_sha256 = ?", secretSha256),
    get: (id) => one("SELECT * FROM tokens WHERE id = ?", id),
    ofUser: (userId) =>
      database.read((transaction) =>
        transaction
          .all<TokenRow>("SELECT * FROM tokens WHERE user_id = ? ORDER BY created_at, id", userId)
          .map(tokenFrom),
      ),
    touch: (id, usedAt) =>
      database.write((transaction) => {
        transaction.run("UPDATE tokens SET last_used_at = ? WHERE id = ?", usedAt.getTime(), id);
      }),
    delete: (userId, id) =>
      database.write(
        (transaction) => transaction.run("DELETE FROM tokens WHERE id = ? AND user_id = ?", id, userId) === 1,
      ),
    removeOfUser: (userId) =>
      database.write((transaction) => {
        transaction.run("DELETE FROM tokens WHERE user_id = ?", userId);
      }),
  };
}

function changeable(user: User): Value[] {
  return [user.email, user.fullname, user.operator ? 1 : 0, user.passwordHash, user.revision];
}

function userFrom(row: UserRow): User {
  return {
    id: row.id,
    username: row.username,
    email: row.email,
    fullname: row.fullname,
    operator: row.operator === 1,
    passwordHash: row.password_hash,
    createdAt: time(row.created_at),
    revision: row.revision,
  };
}

function tokenValues(token: ApiToken) {
  return [
    token.id,
    token.userId,
    token.name,
    token.secretSha256,
    token.createdAt.getTime(),
    millis(token.lastUsedAt),
    token.parentId,
  ] as const;
}

function tokenFrom(row: TokenRow): ApiToken {
  return {
    id: row.id,
    userId: row.user_id,
    name: row.name,
    secretSha256: row.secret_sha256,
    createdAt: time(row.created_at),
    lastUsedAt: optionalTime(row.last_used_at),
    parentId: row.parent_id,
  };
}
