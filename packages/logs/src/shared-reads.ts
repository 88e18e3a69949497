// Lets followers at the same position of a log share one read of the store or Redis, and the resulting objects.

import { maxEventSize } from "./limits.ts";
import { SizedCache } from "./sized-cache.ts";
import { lastSeqOf, splitBatch } from "./tail.ts";
import type { LineBatch } from "./tail.ts";

/** The key of a read. The lines of an attempt do not change; a newer attempt may replace the last ones. */
export interface SharedRead {
  readonly source: "store" | "tail";
  readonly deploymentId: string;
  readonly attempt: number;
  readonly fromSeq: number;
}

/** Maximum number of characters kept for followers slightly behind the first one: some of the store's chunks. */
const keptChars = 1024 * 1024;

export class SharedReads {
  readonly #running = new Map<string, Promise<readonly LineBatch[]>>();
  readonly #kept: SizedCache<string, readonly LineBatch[]>;

  constructor(maxChars: number = keptChars) {
    this.#kept = new SizedCache(maxChars);
  }

  /** Number of characters in the kept lines. */
  get keptChars(): number {
    return this.#kept.size;
  }

  /**
   * @param load reads batches. A result without line `fromSeq` is not kept, because the line may exist soon.
   * @returns the batches, split to the size of events. Each caller receives the same objects.
   */
  read(read: SharedRead, load: () => Promise<readonly LineBatch[]>): Promise<readonly LineBatch[]> {
    const key = `${read.source} ${read.deploymentId} ${read.attempt} ${read.fromSeq}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return Promise.resolve(kept);
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const loading = this.#load(key, read.fromSeq, load).finally(() => this.#running.delete(key));
    this.#running.set(key, loading);
    return loading;
  }

  async #load(
    key: string,
    fromSeq: number,
    load: () => Promise<readonly LineBatch[]>,
  ): Promise<readonly LineBatch[]> {
    const batches = await load();
    const parts = batches.flatMap((batch) => [...splitBatch(batch, maxEventSize)]);
    const found = batches.some((batch) => batch.firstSeq <= fromSeq && lastSeqOf(batch) >= fromSeq);
    if (found) this.#kept.set(key, parts, charsOf(parts));
    return parts;
  }
}

/** An empty line has a size too, because each part is an object. */
function charsOf(parts: readonly LineBatch[]): number {
  return parts.reduce((sum, { text, lineCount }) => sum + text.length + lineCount, 0);
}
