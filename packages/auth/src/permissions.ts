// The permissions of each role: one table for the API's routes, the stream's connections and the dashboard.

import type { App, CollaboratorStore, User } from "@slipway/core";

/** The role of an authenticated user in the installation. */
export type AccountRole = "operator" | "member";
/** The role of a user in an app. Operators have the role operator in every app. */
export type AppRole = "operator" | "owner" | "collaborator" | "limited";

const everyone = ["operator", "member"] as const;
const operators = ["operator"] as const;

/** Permissions that concern no app. */
export const accountPermissions = {
  /** Using the own profile, tokens and apps; uploading sources. */
  "account:use": everyone,
  /** Using the queue dashboard. */
  "queues:manage": operators,
  /** Listing, creating, changing and deleting users; revoking their tokens. */
  "users:manage": operators,
  "workers:read": operators,
  "workers:drain": operators,
} as const satisfies Record<string, readonly AccountRole[]>;

const all = ["operator", "owner", "collaborator", "limited"] as const;
const trusted = ["operator", "owner", "collaborator"] as const;
const owners = ["operator", "owner"] as const;

/**
 * Permissions in one app. A user who may deploy may run code that prints the app's variables, so a role that
 * may not read the variables may not deploy either.
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

/** The role of a user in the installation, outside of any app. */
export function accountRole(user: Pick<User, "operator">): AccountRole {
  return user.operator ? "operator" : "member";
}

/** The role of a user in an app; null if the user has none, in which case the API responds as if the app did not exist. */
export async function appRole(
  user: User,
  app: Pick<App, "id" | "ownerId">,
  collaborators: Pick<CollaboratorStore, "find">,
): Promise<AppRole | null> {
  if (user.operator) return "operator";
  if (user.id === app.ownerId) return "owner";
  return (await collaborators.find(app.id, user.id))?.role ?? null;
}
