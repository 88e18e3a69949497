// Finds the user and the API token that a bearer token stands for.

import type { ApiToken, Store, User } from "@slipway/core";
import { hashApiToken, isApiToken } from "./api-token.ts";
import type { Claims } from "./jwt.ts";
import { isExpiredSession } from "./session-expiry.ts";

export interface Bearer {
  readonly user: User;
  readonly tokenId: ApiToken["id"];
  /** The API token that tokens created with this bearer token end with; null for an API token that was created after a login. */
  readonly newTokensParentId: ApiToken["parentId"];
}

type Identities = Pick<Store, "users" | "tokens">;

/** A token's last use is stored at most this often: a write per request would cost more than the request. */
const touchEveryMs = 60_000;

/** Also stores the use of the token. @returns null for an unknown or expired token, or if its user was deleted. */
export async function bearerOfApiToken(
  { users, tokens }: Identities,
  secret: string,
  usedAt: Date,
): Promise<Bearer | null> {
  const token = isApiToken(secret) ? await tokens.bySecret(hashApiToken(secret)) : null;
  const user = token === null ? null : await users.get(token.userId);
  if (token === null || user === null || isExpiredSession(token, usedAt)) return null;
  if (!(await parentsExist(tokens, token))) return null;
  if (usedAt.getTime() - (token.lastUsedAt?.getTime() ?? 0) >= touchEveryMs) {
    await tokens.touch(token.id, usedAt);
  }
  return { user, tokenId: token.id, newTokensParentId: token.parentId };
}

/** @returns null if the API token was revoked, or the user deleted. */
export async function bearerOfClaims(
  { users, tokens }: Identities,
  { userId, tokenId }: Claims,
): Promise<Bearer | null> {
  const [user, token] = await Promise.all([users.get(userId), tokens.get(tokenId)]);
  if (user === null || token?.userId !== userId || !(await parentsExist(tokens, token))) return null;
  return { user, tokenId, newTokensParentId: tokenId };
}

/** A token may be created while its parent is revoked, so the parents decide whether it is valid, not its own deletion. */
async function parentsExist(tokens: Identities["tokens"], token: ApiToken): Promise<boolean> {
  for (let { parentId } = token; parentId !== null;) {
    const parent = await tokens.get(parentId);
    if (parent === null) return false;
    ({ parentId } = parent);
  }
  return true;
}
