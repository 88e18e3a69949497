// Users and their API tokens in SQLite.

import type { ApiToken, TokenStore, User, UserStore } from "@slipway/core";
import { conflictWhenTaken, millis, optionalTime, time } from "./columns.ts";
import type { Database } from "./database.ts";

interface UserRow {
  id: string;
  username: string;
  email: string;
  fullname: string;
  operator: number;
  created_at: number;
}

interface TokenRow {
  id: string;
  user_id: string;
  name: string;
  secret_sha256: string;
  created_at: number;
  last_used_at: number | null;
}

export function userStore(database: Database): UserStore {
  return {
    create: (user) =>
      conflictWhenTaken(
        database.write((transaction) => {
          transaction.run(
            "INSERT INTO users (id, username, email, fullname, operator, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            ...userValues(user),
          );
        }),
        "the user's id, username or email is taken",
      ),
    get: (id) =>
      database.read((transaction) =>
        userFrom(transaction.all<UserRow>("SELECT * FROM users WHERE id = ?", id)),
      ),
    byUsername: (username) =>
      database.read((transaction) =>
        userFrom(transaction.all<UserRow>("SELECT * FROM users WHERE username = ?", username)),
      ),
  };
}

export function tokenStore(database: Database): TokenStore {
  return {
    create: (token) =>
      conflictWhenTaken(
        database.write((transaction) => {
          transaction.run(
            `INSERT INTO tokens (id, user_id, name, secret_sha256, created_at, last_used_at)
             VALUES (?, ?, ?, ?, ?, ?)`,
            ...tokenValues(token),
          );
        }),
        "the token's id or secret is there already",
      ),
    bySecret: (secretSha256) =>
      database.read((transaction) => {
        const [row] = transaction.all<TokenRow>("SELECT * FROM tokens WHERE secret_sha256 = ?", secretSha256);
        return row === undefined ? null : tokenFrom(row);
      }),
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
  };
}

function userValues(user: User) {
  return [
    user.id,
    user.username,
    user.email,
    user.fullname,
    user.operator ? 1 : 0,
    user.createdAt.getTime(),
  ] as const;
}

function userFrom([row]: readonly UserRow[]): User | null {
  if (row === undefined) return null;
  const { id, username, email, fullname } = row;
  return { id, username, email, fullname, operator: row.operator === 1, createdAt: time(row.created_at) };
}

function tokenValues(token: ApiToken) {
  return [
    token.id,
    token.userId,
    token.name,
    token.secretSha256,
    token.createdAt.getTime(),
    millis(token.lastUsedAt),
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
  };
}
