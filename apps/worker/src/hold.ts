// What a lease holds: an entity as this worker has stored it last.

import { storeChange } from "./store-change.ts";

interface Held {
  readonly id: string;
  readonly revision: number;
}

interface Place<Entity> {
  get(id: string): Promise<Entity | null>;
  compareAndSet(next: Entity): Promise<boolean>;
}

export class Hold<Entity extends Held> {
  readonly #place: Place<Entity>;
  #entity: Entity;
  /** Settles when no change is under way. */
  #changing: Promise<unknown> = Promise.resolve();

  constructor(place: Place<Entity>, entity: Entity) {
    this.#place = place;
    this.#entity = entity;
  }

  get entity(): Entity {
    return this.#entity;
  }

  /** @returns false when somebody else has changed the entity. */
  async change(next: Entity): Promise<boolean> {
    const stored = storeChange(this.#place, next);
    this.#changing = Promise.allSettled([stored]);
    if (!(await stored)) return false;
    this.#entity = next;
    return true;
  }

  /**
   * What somebody else has made of the entity, null when it is gone; undefined while it is ours.
   *
   * A database may show a change before it acknowledges it: what is newer than the last acknowledged one may be our own, so
   * a change under way is waited for. What is older was read before it.
   */
  async takenBy(): Promise<Entity | null | undefined> {
    const found = await this.#place.get(this.#entity.id);
    await this.#changing;
    return found !== null && found.revision <= this.#entity.revision ? undefined : found;
  }
}
