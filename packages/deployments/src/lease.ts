// A worker's lease on a deployment or an operation: every write is a compare-and-set on the revision that the lease stored last, so an
// attempt that lost its lease finds out at its next write.

import type { SlipwayError } from "@slipway/core";
import { storeChange } from "./compare-and-set.ts";
import type { EntityStore } from "./compare-and-set.ts";

interface Revised {
  readonly id: string;
  readonly revision: number;
}

export class Lease<Entity extends Revised> {
  readonly #store: EntityStore<Entity>;
  readonly #lostError: (found: Entity | null) => SlipwayError;
  #entity: Entity;
  /** Settles when no write is in flight. */
  #writing: Promise<unknown> = Promise.resolve();

  /** @param lostError creates the error for a lost lease from the entity's stored state, null when the entity no longer exists. */
  constructor(store: EntityStore<Entity>, entity: Entity, lostError: (found: Entity | null) => SlipwayError) {
    this.#store = store;
    this.#entity = entity;
    this.#lostError = lostError;
  }

  /** The entity as last stored by this lease. */
  get entity(): Entity {
    return this.#entity;
  }

  /** Stores the next revision. @throws {SlipwayError} the lease's error when another writer has changed the entity. */
  async update(next: Entity): Promise<void> {
    const stored = storeChange(this.#store, next);
    this.#writing = Promise.allSettled([stored]);
    if (!(await stored)) throw this.#lostError(await this.#store.get(next.id));
    this.#entity = next;
  }

  /**
   * Resolves while the lease holds; rejects with its error otherwise.
   *
   * A database may show a write before it acknowledges it, so a revision newer than the last acknowledged one may be this
   * lease's own: a write in flight is awaited before revisions are compared.
   */
  async check(): Promise<void> {
    const found = await this.#store.get(this.#entity.id);
    await this.#writing;
    if (found === null || found.revision > this.#entity.revision) throw this.#lostError(found);
  }
}
