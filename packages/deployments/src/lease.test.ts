// A lease distinguishes its own writes from other writers', even while the database shows a write before acknowledging it.

import { describe, expect, test } from "vitest";
import { SlipwayError } from "@slipway/core";
import { Lease } from "./lease.ts";

interface Entity {
  readonly id: string;
  readonly revision: number;
}

const at = (revision: number): Entity => ({ id: "one", revision });
const lost = (found: Entity | null) =>
  new SlipwayError("lease-lost", found === null ? "it is gone" : `revision ${found.revision} is stored`);

/** A store that shows a write at once and acknowledges it on `acknowledge()`. */
function slowStore(stored: Entity | null) {
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

describe("a lease", () => {
  test("a lease is valid while its own write is visible and not acknowledged", async () => {
    const store = slowStore(at(1));
    const lease = new Lease(store, at(1), lost);
    const update = lease.update(at(2));
    const check = lease.check();
    store.acknowledge();
    await update;
    await expect(check).resolves.toBeUndefined();
    expect(lease.entity).toEqual(at(2));
  });

  test("a lease is valid when the entity was read before its own write and compared after it", async () => {
    const store = slowStore(at(1));
    store.acknowledge();
    const lease = new Lease(store, at(1), lost);
    const check = lease.check();
    await lease.update(at(2));
    await expect(check).resolves.toBeUndefined();
  });

  test("a lease is lost once another writer has changed the entity", async () => {
    const store = slowStore(at(1));
    store.acknowledge();
    const lease = new Lease(store, at(1), lost);
    store.put(at(3));
    await expect(lease.check()).rejects.toThrow("revision 3 is stored");
    await expect(lease.update(at(2))).rejects.toThrow("revision 3 is stored");
    expect(lease.entity).toEqual(at(1));
  });

  test("a lease is lost once the entity is gone", async () => {
    const store = slowStore(null);
    const lease = new Lease(store, at(1), lost);
    await expect(lease.check()).rejects.toThrow("it is gone");
  });
});
