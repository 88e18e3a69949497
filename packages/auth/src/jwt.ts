// JWTs: signs a JWT for an API token, and reads a JWT's claims.

import { SignJWT, errors, jwtVerify } from "jose";
import type { ApiToken, User } from "@slipway/core";
import type { SigningKeys } from "./signing-keys.ts";

/** A JWT names its user and the API token for which it was issued. */
export interface Claims {
  readonly userId: User["id"];
  readonly tokenId: ApiToken["id"];
}

export interface JwtOptions {
  readonly signingKeys: SigningKeys;
  readonly issuer: string;
}

const audience = "slipway-api";
const algorithm = "HS256";
const lifetimeMs = 3_600_000;

/** Signs with the newest key. The JWT expires an hour after `issuedAt`, rounded down to seconds. */
export async function signJwt(
  { signingKeys, issuer }: JwtOptions,
  { userId, tokenId }: Claims,
  issuedAt: Date,
): Promise<{ jwt: string; expiresAt: Date }> {
  const [newest] = signingKeys.keys();
  const expiresAt = new Date(Math.floor((issuedAt.getTime() + lifetimeMs) / 1000) * 1000);
  const jwt = await new SignJWT({ tid: tokenId })
    .setProtectedHeader({ alg: algorithm, kid: newest.jwtKeyId, typ: "JWT" })
    .setSubject(userId)
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(newest.jwt);
  return { jwt, expiresAt };
}

/** @returns null for a JWT that is forged, malformed, expired at `at`, or signed by a removed key. */
export async function claimsOf(
  { signingKeys, issuer }: JwtOptions,
  jwt: string,
  at: Date,
): Promise<Claims | null> {
  try {
    const { payload } = await jwtVerify(jwt, ({ kid }) => keyOf(signingKeys, kid), {
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

function keyOf(signingKeys: SigningKeys, keyId: string | undefined): Uint8Array {
  const found = signingKeys.keys().find(({ jwtKeyId }) => jwtKeyId === keyId);
  if (found === undefined) throw new errors.JWKSNoMatchingKey();
  return found.jwt;
}
