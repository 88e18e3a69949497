// A hold knows its own changes from others', also while the database shows one that it has not acknowledged yet.

import { describe, expect, test } from "vitest";
import { Hold } from "./hold.ts";

interface Entity {
  readonly id: string;
  readonly revision: number;
}

const at = (revision: number): Entity => ({ id: "one", revision });

/** A database that shows a change at once and acknowledges it when told to. */
function slowPlace(stored: Entity | null) {
  const { promise: acknowledged, resolve: acknowledge } = Promise.withResolvers<void>();
  return {
    acknowledge,
    put: (entity: Entity | null) => {
      stored = entity;
    },
    get: async () => stored,
    compareAndSet: async (next: Entity) => {
      if (stored?.revision !== next.revision - 1) return false;
      stored = next;
      await acknowledged;
      return true;
    },
  };
}

describe("what is held", () => {
  test("is ours while a change of ours is seen before it is acknowledged", async () => {
    const place = slowPlace(at(1));
    const hold = new Hold(place, at(1));
    const change = hold.change(at(2));
    const taken = hold.takenBy();
    place.acknowledge();
    expect(await change).toBe(true);
    expect(await taken).toBeUndefined();
    expect(hold.entity).toEqual(at(2));
  });

  test("is ours when it was read before our change and looked at after it", async () => {
    const place = slowPlace(at(1));
    place.acknowledge();
    const hold = new Hold(place, at(1));
    const taken = hold.takenBy();
    expect(await hold.change(at(2))).toBe(true);
    expect(await taken).toBeUndefined();
  });

  test("is somebody else's once they have changed it, and nobody's once it is gone", async () => {
    const place = slowPlace(at(1));
    place.acknowledge();
    const hold = new Hold(place, at(1));
    place.put(at(3));
    expect(await hold.takenBy()).toEqual(at(3));
    expect(await hold.change(at(2))).toBe(false);
    expect(hold.entity).toEqual(at(1));
    place.put(null);
    expect(await hold.takenBy()).toBeNull();
  });
});
