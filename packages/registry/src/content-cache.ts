// Remembers content by its digest, which never changes. It says nothing about which repository still has the content.

/** Manifests and configurations of some images: a few KiB each. */
const defaultMaxEntries = 64;
/** A larger entry is not remembered. */
const maxEntryChars = 256 * 1024;

/** Keeps the texts that were used last. */
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

  /** @param digest of the text, which the caller has computed or verified. */
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
