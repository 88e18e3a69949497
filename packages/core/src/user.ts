// Users and the API tokens they hold. Of passwords and tokens only hashes are kept.

import { SlipwayError } from "./errors.ts";

export interface User {
  readonly id: string;
  readonly username: string;
  /** In lower case. */
  readonly email: string;
  readonly fullname: string;
  /** Operators see the queues of all and every app, and manage users. */
  readonly operator: boolean;
  /** The password's hash with its algorithm and parameters, in PHC string format; null for who signs in by token only. */
  readonly passwordHash: string | null;
  readonly createdAt: Date;
  /** Grows by one with every stored change. */
  readonly revision: number;
}

export type NewUser = Omit<User, "revision">;

export interface ApiToken {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  /** SHA-256 of the token, hex. Tokens hold 256 random bits, so a slow hash would add nothing. */
  readonly secretSha256: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
}

/** Lengths in characters. A token more than `tokens` a user cannot have. */
export const userLimits = {
  username: 48,
  email: 254,
  fullname: 200,
  leastPassword: 12,
  mostPassword: 256,
  tokenName: 100,
  tokens: 100,
} as const;

/** Begins with a letter and cannot be taken for an email, nor for the id of a user. */
const username = /^[a-z][a-z0-9_-]*$/;
/** Whether it can be written to is shown by writing; this only tells it from what cannot be one. */
const email = /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u;
const printable = /^\P{Cc}*$/u;
/** Names that paths have for something else. */
const reserved: ReadonlySet<string> = new Set(["self"]);

/** @throws {SlipwayError} "invalid" that names every wrong field. */
export function newUser(user: NewUser): User {
  return checked({ ...user, email: user.email.toLowerCase(), revision: 1 });
}

/**
 * The user with some facts changed, one revision on; the caller stores it by compare-and-set.
 * @throws {SlipwayError} "invalid" that names every wrong field.
 */
export function changeUser(
  user: User,
  facts: Partial<Pick<User, "email" | "fullname" | "operator" | "passwordHash">>,
): User {
  const next = { ...user, ...facts, revision: user.revision + 1 };
  return checked({ ...next, email: next.email.toLowerCase() });
}

/** @throws {SlipwayError} "invalid" when a password is too short to keep anybody out, or too long to hash. */
export function checkPassword(password: string, field = "password"): void {
  const { leastPassword: least, mostPassword: most } = userLimits;
  const length = Array.from(password).length;
  if (length < least || length > most) refuse({ [field]: [`must have ${least} to ${most} characters`] });
}

/** @throws {SlipwayError} "invalid" */
export function checkTokenName(name: string): void {
  const fits = name.trim() !== "" && name.length <= userLimits.tokenName && printable.test(name);
  if (!fits) refuse({ name: [`must be 1 to ${userLimits.tokenName} characters of plain text`] });
}

function checked(user: User): User {
  const fields: Record<string, string[]> = {};
  const { username: name } = user;
  if (name.length > userLimits.username || !username.test(name) || reserved.has(name)) {
    fields["username"] = [
      `must be at most ${userLimits.username} lower-case letters, digits, - or _, beginning with a letter`,
    ];
  }
  if (user.email.length > userLimits.email || !email.test(user.email)) {
    fields["email"] = ["must be an email address"];
  }
  if (user.fullname.length > userLimits.fullname || !printable.test(user.fullname)) {
    fields["fullname"] = [`must be at most ${userLimits.fullname} characters of plain text`];
  }
  if (Object.keys(fields).length > 0) refuse(fields);
  return user;
}

function refuse(fields: Record<string, string[]>): never {
  const [[field, messages] = ["user", []]] = Object.entries(fields);
  throw new SlipwayError("invalid", `${field} ${messages[0] ?? "is not valid"}`, { fields });
}
