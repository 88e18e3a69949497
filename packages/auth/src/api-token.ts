// API tokens: what they look like, how they are made, and the hash that is kept of them.

import { createHash, randomBytes } from "node:crypto";

const prefix = "tk-us-";
const apiToken = /^tk-us-[A-Za-z0-9_-]{20,200}$/;

/** A new token's secret, to be shown once, and the hash to keep. */
export interface NewApiToken {
  /** `tk-us-` and 256 random bits. */
  readonly secret: string;
  /** As kept in ApiToken.secretSha256. */
  readonly secretSha256: string;
}

export function newApiToken(): NewApiToken {
  const secret = prefix + randomBytes(32).toString("base64url");
  return { secret, secretSha256: hashApiToken(secret) };
}

/** Whether a text has the form of an API token; says nothing about whether it is one. */
export function isApiToken(text: string): boolean {
  return apiToken.test(text);
}

/** SHA-256, hex, of a token's secret. */
export function hashApiToken(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
