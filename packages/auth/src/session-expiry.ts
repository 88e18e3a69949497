// The API tokens that are sessions of the web console, and their expiry.

import type { ApiToken } from "@slipway/core";

/** The name of the API tokens that are sessions. Any API token of this name expires as a session does. */
export const sessionTokenName = "console session";
const dayMs = 86_400_000;
export const sessionLifetimeMs = 14 * dayMs;

/** Whether the API token is a session that has expired. */
export function isExpiredSession({ name, createdAt }: ApiToken, at: Date): boolean {
  return name === sessionTokenName && at.getTime() - createdAt.getTime() >= sessionLifetimeMs;
}
