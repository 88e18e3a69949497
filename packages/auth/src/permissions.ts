// Who may do what: the one table, read by every route of the API, by the stream's sockets and by the dashboard.

import type { App, CollaboratorStore, User } from "@slipway/core";

/** What a signed-in user is to the installation. */
export type AccountRole = "operator" | "member";
/** What a user is to an app. Operators are operators of every app. */
export type AppRole = "operator" | "owner" | "collaborator" | "limited";

const everyone = ["operator", "member"] as const;
const operators = ["operator"] as const;

/** What concerns no app. */
export const accountPermissions = {
  /** Their own profile, tokens and apps; uploads. */
  "account:use": everyone,
  /** The queues and the workers of all. */
  "queues:manage": operators,
  /** Who there is, what they are, and their passwords and tokens' end. */
  "users:manage": operators,
  "workers:read": operators,
} as const satisfies Record<string, readonly AccountRole[]>;

const all = ["operator", "owner", "collaborator", "limited"] as const;
const trusted = ["operator", "owner", "collaborator"] as const;
const owners = ["operator", "owner"] as const;

/**
 * Permissions in one app. A user who may deploy may run code that prints the app's variables, so those who may not read the
 * variables may not deploy either.
 */
export const appPermissions = {
  "app:read": all,
  "app:change": owners,
  "app:delete": owners,
  "app:scale": trusted,
  "app:restart": all,
  "logs:read": all,
  "deployments:read": all,
  "deployments:create": trusted,
  "deployments:abort": trusted,
  "caches:delete": trusted,
  "variables:read": trusted,
  "variables:write": trusted,
  "notifiers:read": trusted,
  "notifiers:write": trusted,
  "collaborators:read": all,
  "collaborators:write": trusted,
} as const satisfies Record<string, readonly AppRole[]>;

export type AccountPermission = keyof typeof accountPermissions;
export type AppPermission = keyof typeof appPermissions;
export type Permission = AccountPermission | AppPermission;

/** Whether a role has a permission. */
export function allows(role: AccountRole | AppRole, permission: Permission): boolean {
  const roles: readonly string[] = isAppPermission(permission)
    ? appPermissions[permission]
    : accountPermissions[permission];
  return roles.includes(role);
}

/** Whether a permission concerns one app. */
export function isAppPermission(permission: Permission): permission is AppPermission {
  return Object.hasOwn(appPermissions, permission);
}

export function accountRole(user: Pick<User, "operator">): AccountRole {
  return user.operator ? "operator" : "member";
}

/** What a user is to an app; null for nothing at all: to them the app does not exist. */
export async function appRole(
  user: User,
  app: Pick<App, "id" | "ownerId">,
  collaborators: Pick<CollaboratorStore, "find">,
): Promise<AppRole | null> {
  if (user.operator) return "operator";
  if (user.id === app.ownerId) return "owner";
  return (await collaborators.find(app.id, user.id))?.role ?? null;
}
