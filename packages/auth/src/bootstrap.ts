// Ensures, at each start, that the first operator of an installation exists and has the configured API token.

import { createHash } from "node:crypto";
import { SlipwayError, newUser } from "@slipway/core";
import type { Store, User } from "@slipway/core";
import { hashApiToken, isApiToken } from "./api-token.ts";
import { revokeToken } from "./tokens.ts";

export interface BootstrapOptions {
  readonly store: Pick<Store, "users" | "tokens">;
  /** The API token of the first operator. */
  readonly token: string;
  readonly now?: () => Date;
}

const username = "admin";

/**
 * Creates the operator `admin` and its token unless they exist. Idempotent, also in several processes at once. Removes the token
 * of an earlier start if it differs, and the tokens that end with it.
 * @throws {SlipwayError} "configuration-invalid" if the token does not have the format of an API token.
 */
export async function ensureBootstrap(options: BootstrapOptions): Promise<User> {
  const { store, token, now = () => new Date() } = options;
  if (!isApiToken(token)) {
    throw new SlipwayError(
      "configuration-invalid",
      "BOOTSTRAP_TOKEN must be tk-us- and 20 to 200 letters, digits, - or _",
    );
  }
  const admin = await ensureAdmin(store, now());
  const secretSha256 = hashApiToken(token);
  if ((await store.tokens.bySecret(secretSha256)) === null) {
    const apiToken = {
      id: bootstrapTokenId(secretSha256),
      userId: admin.id,
      name: "bootstrap",
      secretSha256,
      createdAt: now(),
      lastUsedAt: null,
      parentId: null,
    };
    await unlessTaken(store.tokens.create(apiToken));
  }
  await removeFormer(store, admin, secretSha256);
  return admin;
}

async function ensureAdmin(store: BootstrapOptions["store"], createdAt: Date): Promise<User> {
  const existing = await store.users.byUsername(username);
  if (existing !== null) return existing;
  const admin = newUser({
    id: uuidOf("slipway admin"),
    username,
    email: "admin@localhost.localdomain",
    fullname: "Administrator",
    operator: true,
    passwordHash: null,
    createdAt,
  });
  await unlessTaken(store.users.create(admin));
  return (await store.users.byUsername(username)) ?? admin;
}

async function removeFormer(
  store: BootstrapOptions["store"],
  admin: User,
  secretSha256: string,
): Promise<void> {
  for (const token of await store.tokens.ofUser(admin.id)) {
    const fromBootstrap = token.id === bootstrapTokenId(token.secretSha256);
    if (fromBootstrap && token.secretSha256 !== secretSha256) await revokeToken(store, admin.id, token.id);
  }
}

/** Ids are derived, so that processes that start at the same time create the same token. */
function bootstrapTokenId(secretSha256: string): string {
  return uuidOf(`slipway bootstrap ${secretSha256}`);
}

/** A UUID (version 8) derived from the hash of a name. */
function uuidOf(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`];
  return [...parts, hex.slice(20, 32)].join("-");
}

/** Ignores a conflict: another process has created the same record. */
async function unlessTaken(creation: Promise<void>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!(error instanceof SlipwayError) || error.code !== "conflict") throw error;
  }
}
