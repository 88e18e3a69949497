// The apps that a user may see.

import { appRole, findApp } from "@slipway/auth";
import type { AppSelection, Store, User } from "@slipway/core";
import { appParts } from "@slipway/store";

type AppStores = Pick<Store, "apps" | "collaborators">;

/** All apps for operators, otherwise the user's own apps and those shared with the user. */
export async function selectionFor(
  { collaborators }: Pick<Store, "collaborators">,
  user: User,
): Promise<AppSelection> {
  if (user.operator) return "all";
  const shared = await collaborators.ofUser(user.id);
  return { ownerId: user.id, otherIds: shared.map(({ appId }) => appId) };
}

/**
 * The ids of the apps that a list of deployments contains.
 * @param wanted the name or the id of an app, and the id of the apps' owner; undefined for any.
 * @returns "all" without a limit to some apps.
 */
export async function seenAppIds(
  stores: AppStores,
  user: User,
  wanted: { readonly app: string | undefined; readonly ownerId: string | undefined },
): Promise<readonly string[] | "all"> {
  const { app: name, ownerId } = wanted;
  if (name !== undefined) {
    const app = await findApp(stores.apps, name);
    const isSeen = app !== null && (await appRole(user, app, stores.collaborators)) !== null;
    return isSeen && (ownerId === undefined || app.ownerId === ownerId) ? [app.id] : [];
  }
  const ofUser = await selectionFor(stores, user);
  if (ofUser === "all" && ownerId === undefined) return "all";
  const selection = ofUser === "all" && ownerId !== undefined ? { ownerId, otherIds: [] } : ofUser;
  const ids: string[] = [];
  for await (const part of appParts(stores, selection))
    ids.push(...part.filter((app) => ownerId === undefined || app.ownerId === ownerId).map(({ id }) => id));
  return ids;
}

/** @returns the entities that `read` finds, by id. Ids without an entity are omitted. */
export async function readById<Entity extends { readonly id: string }>(
  ids: Iterable<string>,
  read: (ids: readonly string[]) => Promise<readonly Entity[]>,
): Promise<ReadonlyMap<string, Entity>> {
  const found = await read([...new Set(ids)]);
  return new Map(found.map((entity) => [entity.id, entity]));
}
