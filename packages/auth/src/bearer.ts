// Finds the user and the API token behind a bearer token.

import type { ApiToken, Store, User } from "@slipway/core";
import { hashApiToken, isApiToken } from "./api-token.ts";
import type { Claims } from "./jwt.ts";
import { isExpiredSession } from "./session-expiry.ts";

export interface Bearer {
  readonly user: User;
  readonly tokenId: ApiToken["id"];
  /** Parent of the tokens created with this bearer token: they end when it ends. Null for an API token that was created after a login. */
  readonly grantedBy: ApiToken["parentId"];
}

type Identities = Pick<Store, "users" | "tokens">;

/** A token's last use is stored at most this often: a write per request would cost more than the request. */
const touchEveryMs = 60_000;

/** Also records the token's use. @returns null for an unknown or expired token, or if its user was deleted. */
export async function bearerOfApiToken(
  { users, tokens }: Identities,
  secret: string,
  usedAt: Date,
): Promise<Bearer | null> {
  const token = isApiToken(secret) ? await tokens.bySecret(hashApiToken(secret)) : null;
  const user = token === null ? null : await users.get(token.userId);
  if (token === null || user === null || !(await isValidAt(tokens, token, usedAt))) return null;
  if (usedAt.getTime() - (token.lastUsedAt?.getTime() ?? 0) >= touchEveryMs) {
    await tokens.touch(token.id, usedAt);
  }
  return { user, tokenId: token.id, grantedBy: token.parentId };
}

/** @returns null if the API token was revoked, or is an expired session, or the user was deleted. */
export async function bearerOfClaims(
  { users, tokens }: Identities,
  { userId, tokenId }: Claims,
  usedAt: Date,
): Promise<Bearer | null> {
  const [user, token] = await Promise.all([users.get(userId), tokens.get(tokenId)]);
  if (user === null || token?.userId !== userId || !(await isValidAt(tokens, token, usedAt))) return null;
  return { user, tokenId, grantedBy: tokenId };
}

/**
 * Whether neither the token nor any of its parents is revoked or an expired session. A token may be created while its parent is
 * being revoked, so the parents are checked as well.
 */
async function isValidAt(tokens: Identities["tokens"], token: ApiToken, at: Date): Promise<boolean> {
  for (let current = token; ;) {
    if (isExpiredSession(current, at)) return false;
    if (current.parentId === null) return true;
    const parent = await tokens.get(current.parentId);
    if (parent === null) return false;
    current = parent;
  }
}
