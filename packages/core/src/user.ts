// Users and their API tokens. Passwords and tokens are stored only as hashes.

import { SlipwayError } from "./errors.ts";

export interface User {
  readonly id: string;
  readonly username: string;
  /** In lower case. */
  readonly email: string;
  readonly fullname: string;
  /** Operators may use every app and the queue dashboard, and manage users. */
  readonly operator: boolean;
  /** The password's hash with its algorithm and parameters, in PHC string format; null for a user who can use tokens only. */
  readonly passwordHash: string | null;
  readonly createdAt: Date;
  /** Incremented by every stored change. */
  readonly revision: number;
}

export type NewUser = Omit<User, "revision">;

export interface ApiToken {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  /** SHA-256 of the token, hex. A token has 256 random bits, so a slow hash would add no security. */
  readonly secretSha256: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  /** Parent API token, whose JWT created this one; when the parent ends, this token ends too. Null for a token created after a login. */
  readonly parentId: string | null;
}

/** Lengths in characters, and the maximum number of tokens per user. */
export const userLimits = {
  username: 48,
  email: 254,
  fullname: 200,
  minPassword: 12,
  maxPassword: 256,
  tokenName: 100,
  tokens: 100,
} as const;

/** Begins with a letter, so it cannot be mistaken for an email address or a user's id. */
const username = /^[a-z][a-z0-9_-]*$/;
/** Rejects what is obviously not an address; only sending mail could prove that one exists. */
const email = /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u;
const printable = /^\P{Cc}*$/u;
/** Names with another meaning in API paths, and names that others would take for Slipway itself or for its operators. */
const reserved: ReadonlySet<string> = new Set(
  [
    "admin administrator operator root security superuser support sysadmin",
    "api builder console dashboard router scheduler slipway stream system worker",
    "anonymous everyone me nobody null self undefined user users",
  ].flatMap((names) => names.split(" ")),
);

/** @throws {SlipwayError} "invalid" with a message for every invalid field. */
export function newUser(user: NewUser): User {
  return checked({ ...user, email: user.email.toLowerCase(), revision: 1 });
}

/**
 * Returns the user with the changes applied and the revision incremented; the caller stores it by compare-and-set.
 * @throws {SlipwayError} "invalid" with a message for every invalid field.
 */
export function changeUser(
  user: User,
  changes: Partial<Pick<User, "email" | "fullname" | "operator" | "passwordHash">>,
): User {
  const next = { ...user, ...changes, revision: user.revision + 1 };
  return checked({ ...next, email: next.email.toLowerCase() });
}

/** @throws {SlipwayError} "invalid" when the password is too short to be secure, or too long to hash. */
export function checkPassword(password: string, field = "password"): void {
  const { minPassword, maxPassword } = userLimits;
  const length = Array.from(password).length;
  if (length < minPassword || length > maxPassword) {
    throw invalidFields({ [field]: [`must have ${minPassword} to ${maxPassword} characters`] });
  }
}

/**
 * Checks the username of a user who is created on request. Slipway's own first operator has a reserved one, and users from before
 * the name was reserved keep it.
 * @throws {SlipwayError} "invalid" when the username is reserved.
 */
export function checkNotReserved(name: string): void {
  if (reserved.has(name)) throw invalidFields({ username: [`"${name}" is reserved; choose another one`] });
}

/** @throws {SlipwayError} "invalid" */
export function checkTokenName(name: string): void {
  const valid = name.trim() !== "" && name.length <= userLimits.tokenName && printable.test(name);
  if (!valid) {
    throw invalidFields({ name: [`must be 1 to ${userLimits.tokenName} characters of plain text`] });
  }
}

function checked(user: User): User {
  const fields: Record<string, string[]> = {};
  const { username: name } = user;
  if (name.length > userLimits.username || !username.test(name)) {
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
  if (Object.keys(fields).length > 0) throw invalidFields(fields);
  return user;
}

function invalidFields(fields: Record<string, string[]>): SlipwayError {
  const [[field, messages] = ["user", []]] = Object.entries(fields);
  return new SlipwayError("invalid", `${field} ${messages[0] ?? "is not valid"}`, { fields });
}
