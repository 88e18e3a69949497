// API tokens: their format, their generation, and their stored hash.

import { createHash, randomBytes } from "node:crypto";

const prefix = "tk-us-";
const apiToken = /^tk-us-[A-Za-z0-9_-]{20,200}$/;

/** A new token's secret, which is shown once, and the hash that is stored. */
export interface NewApiToken {
  /** `tk-us-` and 256 random bits. */
  readonly secret: string;
  /** As in ApiToken.secretSha256. */
  readonly secretSha256: string;
}

/** Generates the secret of an API token, which only its user keeps, and the hash that is stored. */
export function newApiToken(): NewApiToken {
  const secret = prefix + randomBytes(32).toString("base64url");
  return { secret, secretSha256: hashApiToken(secret) };
}

/** Whether a text has the format of an API token. The token need not exist. */
export function isApiToken(text: string): boolean {
  return apiToken.test(text);
}

/** SHA-256, hex, of a token's secret. */
export function hashApiToken(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
