// Authenticates users: by password, by API token, or by a JWT that was issued for an API token and is valid for an hour.

import { changeUser } from "@slipway/core";
import type { Store, User } from "@slipway/core";
import { isApiToken } from "./api-token.ts";
import { bearerOfApiToken, bearerOfClaims } from "./bearer.ts";
import type { Bearer } from "./bearer.ts";
import { claimsOf, signJwt } from "./jwt.ts";
import { hashPassword, isOutdated, verifyPassword } from "./password.ts";
import type { SigningKeys } from "./signing-keys.ts";

export interface AuthOptions {
  readonly store: Pick<Store, "users" | "tokens">;
  /** The same in every process of an installation. */
  readonly signingKeys: SigningKeys;
  /** The clock. */
  readonly now?: () => Date;
  /** The issuer of the JWTs; the same in every process of an installation. */
  readonly issuer?: string;
}

export interface Auth {
  /** Issues a JWT to an API token's user, valid for one hour; null for an unknown token, or if its user was deleted. */
  exchange(apiToken: string): Promise<{ jwt: string; expiresAt: Date; bearer: Bearer } | null>;
  /**
   * The user of a JWT or an API token; null if it is forged, expired or revoked, or the user was deleted. Revoking an API token
   * revokes the JWTs issued for it.
   * @param token without a scheme such as `Bearer` before it.
   */
  authenticate(token: string): Promise<User | null>;
  /** Like `authenticate`, and also returns the API token itself, or the one for which the JWT was issued. */
  identify(token: string): Promise<Bearer | null>;
  /**
   * Like `authenticate`, for a connection that was opened with the token: the connection may outlive a JWT's hour, but not the
   * API token, the session, the user or the signing key.
   */
  reauthenticate(token: string): Promise<User | null>;
  /** Like `authenticate`, for API tokens only: for logins after which the client stores the token. */
  authenticateApiToken(token: string): Promise<User | null>;
  /** The user with this username or email. Verifies nothing. */
  named(name: string): Promise<User | null>;
  /**
   * The user with this name and password. Null for a wrong password, a user without a password, or an unknown user, in the same time.
   * @param name username or email.
   */
  signIn(name: string, password: string): Promise<User | null>;
}

/** Authenticates the users of a store. Keeps no state: any number of processes may do so at once. */
export function openAuth(options: AuthOptions): Auth {
  const { store, signingKeys, now = () => new Date(), issuer = "slipway" } = options;
  const jwtOptions = { signingKeys, issuer };
  const holder = (apiToken: string) => bearerOfApiToken(store, apiToken, now());
  const bearerAt = async (token: string, at: Date) => {
    if (isApiToken(token)) return holder(token);
    const claims = await claimsOf(jwtOptions, token, at);
    return claims === null ? null : bearerOfClaims(store, claims, now());
  };
  return {
    async exchange(apiToken) {
      const bearer = await holder(apiToken);
      if (bearer === null) return null;
      const claims = { userId: bearer.user.id, tokenId: bearer.tokenId };
      return { ...(await signJwt(jwtOptions, claims, now())), bearer };
    },
    authenticate: (token) => userOf(bearerAt(token, now())),
    identify: (token) => bearerAt(token, now()),
    // At this time no JWT has expired.
    reauthenticate: (token) => userOf(bearerAt(token, new Date(0))),
    authenticateApiToken: (token) => userOf(holder(token)),
    named: (name) => userNamed(store.users, name),
    signIn: (name, password) => signIn(store.users, name, password),
  };
}

async function userOf(bearer: Promise<Bearer | null>): Promise<User | null> {
  return (await bearer)?.user ?? null;
}

function userNamed(users: Store["users"], name: string): Promise<User | null> {
  return name.includes("@") ? users.byEmail(name.toLowerCase()) : users.byUsername(name);
}

async function signIn(users: Store["users"], name: string, password: string): Promise<User | null> {
  const user = await userNamed(users, name);
  const matches = await verifyPassword(password, user?.passwordHash ?? null);
  if (!matches || user?.passwordHash == null) return null;
  if (isOutdated(user.passwordHash)) {
    // A concurrent change of the user wins; the next login stores the new hash.
    await users.compareAndSet(changeUser(user, { passwordHash: await hashPassword(password) }));
  }
  return user;
}
