// How a lease stores its changes.

import { isDeepStrictEqual } from "node:util";

/**
 * Stores a change by compare-and-set. A call that is repeated because its answer was lost may find the change made by itself:
 * then what is stored is just that.
 * @returns whether it is there now.
 */
export async function storeChange<Entity extends { readonly id: string }>(
  place: {
    compareAndSet(next: Entity): Promise<boolean>;
    get(id: string): Promise<Entity | null>;
  },
  next: Entity,
): Promise<boolean> {
  return (await place.compareAndSet(next)) || isDeepStrictEqual(await place.get(next.id), next);
}
