// Users and tokens in memory, for this package's own tests: the real stores may not be imported from here.

import { SlipwayError } from "@slipway/core";
import type { ApiToken, Store, User } from "@slipway/core";
import { openSigningKeys } from "../src/signing-keys.ts";
import type { SigningKeys } from "../src/signing-keys.ts";

/** @param secrets the newest first. */
export function keysOf(...secrets: string[]): SigningKeys {
  const onError = (error: unknown) => {
    throw error;
  };
  return openSigningKeys({ from: secrets, onError });
}

type Identities = Pick<Store, "users" | "tokens"> & {
  readonly allUsers: Map<string, User>;
  readonly allTokens: Map<string, ApiToken>;
};

export function memoryIdentities(): Identities {
  const allUsers = new Map<string, User>();
  const allTokens = new Map<string, ApiToken>();
  return {
    allUsers,
    allTokens,
    users: {
      async create(user) {
        await tick();
        if (allUsers.has(user.id)) throw new SlipwayError("conflict", "the id is taken");
        allUsers.set(user.id, user);
      },
      get: async (id) => allUsers.get(id) ?? null,
      many: async (ids) => ids.flatMap((id) => allUsers.get(id) ?? []),
      byUsername: async (username) => allUsers.values().find((user) => user.username === username) ?? null,
      byEmail: async (email) => allUsers.values().find((user) => user.email === email) ?? null,
      async list() {
        const users = Array.from(allUsers.values());
        return { users, totalCount: users.length };
      },
      countOperators: async () => Array.from(allUsers.values()).filter((user) => user.operator).length,
      async compareAndSet(next) {
        await tick();
        if (allUsers.get(next.id)?.revision !== next.revision - 1) return false;
        allUsers.set(next.id, next);
        return true;
      },
      delete: async (id) => allUsers.delete(id),
    },
    tokens: {
      async create(token) {
        await tick();
        if (allTokens.has(token.id)) throw new SlipwayError("conflict", "the id is taken");
        allTokens.set(token.id, token);
      },
      bySecret: async (hash) => allTokens.values().find((token) => token.secretSha256 === hash) ?? null,
      get: async (id) => allTokens.get(id) ?? null,
      ofUser: async (userId) => Array.from(allTokens.values()).filter((token) => token.userId === userId),
      async touch(id, usedAt) {
        const token = allTokens.get(id);
        if (token !== undefined) allTokens.set(id, { ...token, lastUsedAt: usedAt });
      },
      delete: async (userId, id) => allTokens.get(id)?.userId === userId && allTokens.delete(id),
      async removeOfUser(userId) {
        for (const token of allTokens.values()) if (token.userId === userId) allTokens.delete(token.id);
      },
    },
  };
}

/** Lets others go first, as a database would. */
async function tick(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
