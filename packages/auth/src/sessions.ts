// Sessions of the web console: API tokens with a reserved name, which expire and are limited in number.

import type { ApiToken, Store, User } from "@slipway/core";
import { isExpiredSession, sessionTokenName } from "./session-expiry.ts";
import { issueToken, revokeToken } from "./tokens.ts";

/** A further login ends the user's oldest session, so that logins do not exhaust the maximum number of API tokens. */
const maxSessions = 10;

/**
 * Starts a session, ends the user's expired ones, and ends the oldest ones above the maximum.
 * @param parentId the API token used for the login, with which the session ends; null for a login by password.
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
