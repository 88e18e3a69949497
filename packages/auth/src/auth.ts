// Who is asking: a password or an API token names a user; the token is exchanged for a JWT of an hour that names them too.

import { SignJWT, errors, jwtVerify } from "jose";
import { changeUser } from "@slipway/core";
import type { ApiToken, Store, User } from "@slipway/core";
import { hashApiToken, isApiToken } from "./api-token.ts";
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
  /**
   * A JWT for an API token's user, good for an hour; null when there is no such token, or its user is gone.
   */
  exchange(apiToken: string): Promise<{ jwt: string; expiresAt: Date; bearer: Bearer } | null>;
  /**
   * The user that a JWT or an API token stands for; null when it is forged, expired or revoked, or the user is gone. A JWT
   * ends with the API token that it was exchanged for.
   * @param token without a scheme such as `Bearer` before it.
   */
  authenticate(token: string): Promise<User | null>;
  /** As `authenticate`, with the API token that it is, or that it was exchanged for. */
  identify(token: string): Promise<Bearer | null>;
  /**
   * As `authenticate`, for a connection that was opened with the token: it may outlive a JWT's hour, but not the API token, the
   * user or the signing key.
   */
  reauthenticate(token: string): Promise<User | null>;
  /** As `authenticate`, of an API token alone: for logins that keep what they were given. */
  authenticateApiToken(token: string): Promise<User | null>;
  /** The user with this username or email. The name is not verified yet. */
  named(name: string): Promise<User | null>;
  /**
   * The user with this password. Null for a wrong password, a user without one, or a missing user, all after the same work.
   * @param name username or email.
   */
  signIn(name: string, password: string): Promise<User | null>;
}

export interface Bearer {
  readonly user: User;
  readonly tokenId: ApiToken["id"];
}

const audience = "slipway-api";
const algorithm = "HS256";
const jwtLifetimeMs = 3_600_000;
/** A token's last use is written at most this often: a write per request would cost more than the request. */
const touchEveryMs = 60_000;

interface Claims {
  readonly userId: string;
  readonly tokenId: string;
}

export function openAuth(options: AuthOptions): Auth {
  const { store, signingKeys, now = () => new Date(), issuer = "slipway" } = options;

  async function holder(secret: string): Promise<Bearer | null> {
    const token = isApiToken(secret) ? await store.tokens.bySecret(hashApiToken(secret)) : null;
    const user = token === null ? null : await store.users.get(token.userId);
    if (token === null || user === null) return null;
    const usedAt = now();
    if (usedAt.getTime() - (token.lastUsedAt?.getTime() ?? 0) >= touchEveryMs) {
      await store.tokens.touch(token.id, usedAt);
    }
    return { user, tokenId: token.id };
  }

  async function claimsOf(jwt: string, at: Date): Promise<Claims | null> {
    try {
      const { payload } = await jwtVerify(jwt, keyFor, {
        algorithms: [algorithm],
        audience,
        issuer,
        currentDate: at,
        requiredClaims: ["exp", "sub", "tid"],
      });
      const { sub: userId, tid: tokenId } = payload;
      return userId === undefined || typeof tokenId !== "string" ? null : { userId, tokenId };
    } catch (error) {
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  }

  function keyFor(header: { kid?: string | undefined }): Uint8Array {
    const found = signingKeys.keys().find(({ jwtKeyId }) => jwtKeyId === header.kid);
    if (found === undefined) throw new errors.JWKSNoMatchingKey();
    return found.jwt;
  }

  async function bearerOf({ userId, tokenId }: Claims): Promise<Bearer | null> {
    const [user, token] = await Promise.all([store.users.get(userId), store.tokens.get(tokenId)]);
    return user !== null && token?.userId === userId ? { user, tokenId } : null;
  }

  async function bearerAt(token: string, at: Date): Promise<Bearer | null> {
    if (isApiToken(token)) return holder(token);
    const claims = await claimsOf(token, at);
    return claims === null ? null : bearerOf(claims);
  }

  const userOf = async (bearer: Promise<Bearer | null>) => (await bearer)?.user ?? null;
  const named = (name: string) =>
    name.includes("@") ? store.users.byEmail(name.toLowerCase()) : store.users.byUsername(name);

  return {
    async exchange(apiToken) {
      const found = await holder(apiToken);
      if (found === null) return null;
      const [newest] = signingKeys.keys();
      const issuedAt = now();
      const expiresAt = new Date(Math.floor((issuedAt.getTime() + jwtLifetimeMs) / 1000) * 1000);
      const jwt = await new SignJWT({ tid: found.tokenId })
        .setProtectedHeader({ alg: algorithm, kid: newest.jwtKeyId, typ: "JWT" })
        .setSubject(found.user.id)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .sign(newest.jwt);
      return { jwt, expiresAt, bearer: found };
    },
    authenticate: (token) => userOf(bearerAt(token, now())),
    identify: (token) => bearerAt(token, now()),
    // No JWT has ended at that time.
    reauthenticate: (token) => userOf(bearerAt(token, new Date(0))),
    authenticateApiToken: (token) => userOf(holder(token)),
    named,
    async signIn(name, password) {
      const user = await named(name);
      const fits = await verifyPassword(password, user?.passwordHash ?? null);
      if (!fits || user?.passwordHash == null) return null;
      if (isOutdated(user.passwordHash)) {
        // Whoever changed the user meanwhile goes first; the next login tries again.
        await store.users.compareAndSet(changeUser(user, { passwordHash: await hashPassword(password) }));
      }
      return user;
    },
  };
}
