// Accounts: creating, changing and deleting users.

import { randomUUID } from "node:crypto";
import {
  SlipwayError,
  changeUser,
  checkNotReserved,
  checkPassword,
  invalidField,
  newUser,
  notFound,
} from "@slipway/core";
import type { NewUser, Store, User } from "@slipway/core";
import { hashPassword } from "./password.ts";

type Users = Pick<Store, "users">;
type Tokens = Pick<Store, "tokens">;
/** The stores that the deletion of an account uses. */
export interface AccountStores extends Users, Tokens {
  readonly apps: Pick<Store["apps"], "search">;
  readonly collaborators: Pick<Store["collaborators"], "removeOfUser">;
}

export interface WantedUser extends Omit<NewUser, "id" | "passwordHash" | "createdAt"> {
  /** Null for a user who logs in with API tokens only. */
  readonly password: string | null;
}

export interface UserChanges {
  readonly email?: string | undefined;
  readonly fullname?: string | undefined;
  readonly operator?: boolean | undefined;
  readonly password?: string | undefined;
}

const maxTries = 20;
const maxNamed = 5;

/** @throws {SlipwayError} "invalid", also for a reserved username, or "conflict" when the username or email is taken. */
export async function createAccount({ users }: Users, wanted: WantedUser, now: Date): Promise<User> {
  const { password, ...facts } = wanted;
  checkNotReserved(wanted.username);
  if (password !== null) checkPassword(password);
  const user = newUser({ ...facts, id: randomUUID(), passwordHash: null, createdAt: now });
  const withPassword = { ...user, passwordHash: password === null ? null : await hashPassword(password) };
  await users.create(withPassword);
  return withPassword;
}

/**
 * Changes the given fields. API tokens stay valid, also if the password changes.
 * @throws {SlipwayError} "not-found", "invalid", or "conflict": the email is taken, or no operator would be left.
 */
export async function changeAccount({ users }: Users, id: string, changes: UserChanges): Promise<User> {
  const { password, ...facts } = withoutUnset(changes);
  if (password !== undefined) checkPassword(password);
  const hash = password === undefined ? {} : { passwordHash: await hashPassword(password) };
  const next = await stored(users, id, { ...facts, ...hash });
  if (facts.operator === false && (await users.countOperators()) === 0) {
    await stored(users, id, { operator: true });
    throw lastOperator();
  }
  return next;
}

/**
 * Deletes a user with their tokens and collaborations. May be repeated.
 * @throws {SlipwayError} "not-found", or "conflict": they own apps, or no operator would be left.
 */
export async function deleteAccount(store: AccountStores, id: string): Promise<void> {
  const { users, tokens, collaborators } = store;
  const user = await users.get(id);
  if (user !== null) {
    await checkOwnsNothing(store, id);
    await users.delete(id);
    await restoreUnless(store, user);
  }
  await tokens.removeOfUser(id);
  await collaborators.removeOfUser(id);
  if (user === null) throw notFound("user");
}

/** No transaction spans two documents, so the rules are checked again after the deletion, which is undone if it broke one. */
async function restoreUnless(store: AccountStores, user: User): Promise<void> {
  try {
    await checkOwnsNothing(store, user.id);
    if (user.operator && (await store.users.countOperators()) === 0) throw lastOperator();
  } catch (error) {
    await store.users.create(user);
    throw error;
  }
}

async function checkOwnsNothing({ apps }: Pick<AccountStores, "apps">, ownerId: string): Promise<void> {
  const first = await apps.search({ ownerId, otherIds: [] }, "", { page: 1, perPage: maxNamed });
  if (first.totalCount === 0) return;
  const named = first.apps.map(({ name }) => name).join(", ") + (first.totalCount > maxNamed ? "…" : "");
  throw new SlipwayError("conflict", `the user owns ${first.totalCount} apps, to be deleted first: ${named}`);
}

async function stored(
  users: Store["users"],
  id: string,
  facts: Parameters<typeof changeUser>[1],
): Promise<User> {
  for (let tries = 0; tries < maxTries; tries += 1) {
    const user = await users.get(id);
    if (user === null) throw notFound("user");
    const next = changeUser(user, facts);
    if (await emailFree(users.compareAndSet(next))) return next;
  }
  throw new SlipwayError("conflict", "other requests keep changing the user; try again");
}

/** A conflict can only mean the email: no other field of a change must be unique. */
async function emailFree(change: Promise<boolean>): Promise<boolean> {
  try {
    return await change;
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "conflict") throw invalidField("email", "is taken");
    throw error;
  }
}

function lastOperator(): SlipwayError {
  return new SlipwayError("conflict", "this is the last operator: make another user an operator first");
}

function withoutUnset(changes: UserChanges): { [Key in keyof UserChanges]?: NonNullable<UserChanges[Key]> } {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}
