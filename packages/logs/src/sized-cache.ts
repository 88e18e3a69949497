// A cache that keeps the most recently used values, up to a total size.

export class SizedCache<Key, Value> {
  readonly #maxSize: number;
  /** Least recently used first. */
  readonly #entries = new Map<Key, { readonly value: Value; readonly size: number }>();
  #size = 0;

  /** @param maxSize in the unit of the values' sizes. A larger value is not cached. */
  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  /** Total size of the cached values. */
  get size(): number {
    return this.#size;
  }

  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Sets the key's value, and removes the least recently used values until the total size is within the limit. */
  set(key: Key, value: Value, size: number): void {
    this.#remove(key);
    if (size > this.#maxSize) return;
    this.#entries.set(key, { value, size });
    this.#size += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#size <= this.#maxSize) return;
      this.#remove(oldest);
    }
  }

  #remove(key: Key): void {
    this.#size -= this.#entries.get(key)?.size ?? 0;
    this.#entries.delete(key);
  }
}
