// Who is asking: API tokens are exchanged for JWTs of an hour, and either of the two names a user.

import { SignJWT, errors, jwtVerify } from "jose";
import { SlipwayError } from "@slipway/core";
import type { Store, User } from "@slipway/core";
import { hashApiToken, isApiToken } from "./api-token.ts";
import { deriveKeys } from "./keys.ts";

export interface AuthOptions {
  readonly store: Pick<Store, "users" | "tokens">;
  /** The installation's secret; the same in every process of it. */
  readonly signingKey: string;
  /** The clock. */
  readonly now?: () => Date;
  /** Who the JWTs say they are from; the same in every process of an installation. */
  readonly issuer?: string;
}

export interface Auth {
  /**
   * A JWT for an API token's user, good for an hour.
   * @throws {SlipwayError} "unauthorized" when there is no such token, or its user is gone.
   */
  exchange(apiToken: string): Promise<{ jwt: string; expiresAt: Date }>;
  /**
   * The user that a JWT or an API token stands for; null when it is forged, expired or revoked, or the user is gone.
   * @param token without a scheme such as `Bearer` before it.
   */
  authenticate(token: string): Promise<User | null>;
  /** As `authenticate`, of an API token alone: for logins that keep what they were given. */
  authenticateApiToken(token: string): Promise<User | null>;
}

const audience = "slipway-api";
const algorithm = "HS256";
const jwtLifetimeMs = 3_600_000;
/** A token's last use is written at most this often: a write per request would cost more than the request. */
const touchEveryMs = 60_000;

export function openAuth(options: AuthOptions): Auth {
  const { store, signingKey, now = () => new Date(), issuer = "slipway" } = options;
  const keys = deriveKeys(signingKey);

  async function authenticateApiToken(token: string): Promise<User | null> {
    if (!isApiToken(token)) return null;
    const found = await store.tokens.bySecret(hashApiToken(token));
    const user = found === null ? null : await store.users.get(found.userId);
    if (found === null || user === null) return null;
    const usedAt = now();
    if (usedAt.getTime() - (found.lastUsedAt?.getTime() ?? 0) >= touchEveryMs) {
      await store.tokens.touch(found.id, usedAt);
    }
    return user;
  }

  async function userOfJwt(jwt: string): Promise<string | null> {
    try {
      const { payload } = await jwtVerify(jwt, keyFor, {
        algorithms: [algorithm],
        audience,
        issuer,
        currentDate: now(),
        requiredClaims: ["exp", "sub"],
      });
      return payload.sub ?? null;
    } catch (error) {
      if (error instanceof errors.JOSEError) return null;
      throw error;
    }
  }

  function keyFor(header: { kid?: string | undefined }): Uint8Array {
    if (header.kid !== keys.jwtKeyId) throw new errors.JWKSNoMatchingKey();
    return keys.jwt;
  }

  return {
    async exchange(apiToken) {
      const user = await authenticateApiToken(apiToken);
      if (user === null) throw new SlipwayError("unauthorized", "the API token is not valid");
      const issuedAt = now();
      const expiresAt = new Date(Math.floor((issuedAt.getTime() + jwtLifetimeMs) / 1000) * 1000);
      const jwt = await new SignJWT()
        .setProtectedHeader({ alg: algorithm, kid: keys.jwtKeyId, typ: "JWT" })
        .setSubject(user.id)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt(issuedAt)
        .setExpirationTime(expiresAt)
        .sign(keys.jwt);
      return { jwt, expiresAt };
    },
    async authenticate(token) {
      if (isApiToken(token)) return authenticateApiToken(token);
      const userId = await userOfJwt(token);
      return userId === null ? null : store.users.get(userId);
    },
    authenticateApiToken,
  };
}
