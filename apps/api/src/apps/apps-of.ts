// The apps that a user may see.

import type { App, Store, User } from "@slipway/core";

/** The apps sorted by name: all of them for operators, otherwise the user's own apps and those shared with the user. */
export async function appsOf(
  { apps, collaborators }: Pick<Store, "apps" | "collaborators">,
  user: User,
): Promise<App[]> {
  if (user.operator) return apps.list("all");
  const own = await apps.list({ ownerId: user.id });
  const shared = await Promise.all((await collaborators.ofUser(user.id)).map(({ appId }) => apps.get(appId)));
  const others = shared.filter((app) => app !== null && app.deletedAt === null && app.ownerId !== user.id);
  return [...own, ...others].filter((app) => app !== null).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** @returns the entities that `read` finds, by id. Ids without an entity are omitted. */
export async function readById<Entity extends object>(
  ids: Iterable<string>,
  read: (id: string) => Promise<Entity | null>,
): Promise<ReadonlyMap<string, Entity>> {
  const found = new Map<string, Entity>();
  const readOne = async (id: string) => {
    const entity = await read(id);
    if (entity !== null) found.set(id, entity);
  };
  await Promise.all([...new Set(ids)].map(readOne));
  return found;
}
