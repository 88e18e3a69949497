// The API tokens of users: creating, replacing and revoking them. A token created with a JWT ends with the API token of the JWT,
// because access by a leaked JWT must not outlive its API token.

import { randomUUID } from "node:crypto";
import { SlipwayError, checkTokenName, notFound, userLimits } from "@slipway/core";
import type { ApiToken, Store, User } from "@slipway/core";
import { newApiToken } from "./api-token.ts";
import type { Bearer } from "./bearer.ts";

type TokenStores = Pick<Store, "tokens">;

/**
 * @param parentId the API token that the new one ends with; null for none.
 * @throws {SlipwayError} "invalid" for the name, "conflict" when the maximum number of tokens is reached.
 */
export async function issueToken(
  { tokens }: TokenStores,
  user: User,
  name: string,
  now: Date,
  parentId: ApiToken["parentId"] = null,
): Promise<{ token: ApiToken; secret: string }> {
  checkTokenName(name);
  if ((await tokens.ofUser(user.id)).length >= userLimits.tokens) {
    throw new SlipwayError(
      "conflict",
      `a user has at most ${userLimits.tokens} API tokens; revoke one first`,
    );
  }
  const { secret, secretSha256 } = newApiToken();
  const facts = { id: randomUUID(), userId: user.id, name, secretSha256, createdAt: now };
  const token = { ...facts, lastUsedAt: null, parentId };
  await tokens.create(token);
  return { token, secret };
}

/**
 * Replaces an API token. The old token ends, with all tokens created with its JWTs.
 * @throws {SlipwayError} "not-found", also for all but one of several concurrent calls; "forbidden" when the bearer token ends with
 * the replaced token, since the new one would end at once.
 */
export async function renewToken(
  { tokens }: TokenStores,
  { user, grantedBy }: Bearer,
  id: string,
  now: Date,
): Promise<{ token: ApiToken; secret: string }> {
  const old = await tokens.get(id);
  if (old?.userId !== user.id) throw notFound("token");
  if (grantedBy !== null && endingWith(id, await tokens.ofUser(user.id)).has(grantedBy)) {
    throw new SlipwayError(
      "forbidden",
      "a JWT cannot renew the API token that it depends on; send the API token itself as the bearer token",
    );
  }
  if (!(await revokeToken({ tokens }, user.id, id))) throw notFound("token");
  return issueToken({ tokens }, user, old.name, now, grantedBy ?? old.parentId);
}

/** Deletes an API token and those that end with it. @returns whether the user had that token. */
export async function revokeToken(
  { tokens }: TokenStores,
  userId: string,
  id: ApiToken["id"],
): Promise<boolean> {
  const ending = endingWith(id, await tokens.ofUser(userId));
  // The token itself is deleted first: without it, the others are invalid.
  const deleted = await tokens.delete(userId, id);
  for (const other of ending) await tokens.delete(userId, other);
  return deleted;
}

/** @returns the ids of the token and of all tokens that end with it. */
function endingWith(id: ApiToken["id"], tokens: readonly ApiToken[]): ReadonlySet<ApiToken["id"]> {
  const ids = new Set([id]);
  // Iterating a set includes the elements added during the iteration.
  for (const parent of ids) {
    for (const token of tokens) if (token.parentId === parent) ids.add(token.id);
  }
  return ids;
}
