// Sessions of the web console: API tokens with a name of their own, which expire and are limited in number.

import type { ApiToken, Store, User } from "@slipway/core";
import { isExpiredSession, sessionTokenName } from "./session-expiry.ts";
import { issueToken, revokeToken } from "./tokens.ts";

/** A user's further login ends the oldest session, so that logins do not use up the user's API tokens. */
const maxSessions = 10;

/**
 * Starts a session, and ends the user's expired ones, and the oldest of too many.
 * @param parentId the API token that the user logged in with, which the session ends with; null for a login by password.
 * @returns the secret for the session's cookie.
 */
export async function startSession(
  store: Pick<Store, "tokens">,
  user: User,
  parentId: ApiToken["parentId"],
  now: Date,
): Promise<string> {
  const sessions = (await store.tokens.ofUser(user.id))
    .filter(({ name }) => name === sessionTokenName)
    .toSorted((one, other) => other.createdAt.getTime() - one.createdAt.getTime());
  for (const [index, session] of sessions.entries()) {
    if (index >= maxSessions - 1 || isExpiredSession(session, now)) {
      await revokeToken(store, user.id, session.id);
    }
  }
  return (await issueToken(store, user, sessionTokenName, now, parentId)).secret;
}
