// Caches content by its digest, which never changes. A cached entry does not prove that a repository still has the content.

/** Manifests and configurations of some images: a few KiB each. */
const defaultMaxEntries = 64;
/** Larger entries are not cached. */
const maxEntryChars = 256 * 1024;

/** Keeps the most recently used texts. */
export class ContentCache {
  /** In the order of their last use. */
  readonly #texts = new Map<string, string>();
  readonly #maxEntries: number;

  constructor(maxEntries: number = defaultMaxEntries) {
    this.#maxEntries = maxEntries;
  }

  get(digest: string): string | undefined {
    const text = this.#texts.get(digest);
    if (text !== undefined) this.#move(digest, text);
    return text;
  }

  /** @param digest the text's digest, which the caller has computed or verified. */
  set(digest: string, text: string): void {
    if (text.length > maxEntryChars) return;
    this.#move(digest, text);
    const [oldest] = this.#texts.keys();
    if (this.#texts.size > this.#maxEntries && oldest !== undefined) this.#texts.delete(oldest);
  }

  #move(digest: string, text: string): void {
    this.#texts.delete(digest);
    this.#texts.set(digest, text);
  }
}
