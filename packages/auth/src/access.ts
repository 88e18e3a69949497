// Who may use what.

import type { App, User } from "@slipway/core";

/** Whether a user may see and change an app: its owner and operators may. */
export function mayUse(user: User, app: Pick<App, "ownerId">): boolean {
  return user.operator || user.id === app.ownerId;
}
