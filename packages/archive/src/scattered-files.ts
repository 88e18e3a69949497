// Collects all files of a source that have certain names, in any folder, for as long as the collection is complete.

import { posix } from "node:path";
import type { CheckedEntry } from "./checked-entries.ts";

/** Limits for all files together: they stay in memory until the deployment ends. */
const maxFiles = 1_000;
const maxTotalBytes = 4 * 1024 ** 2;

export class ScatteredFiles {
  readonly #maxBytes: ReadonlyMap<string, number>;
  readonly #files = new Map<string, Buffer>();
  #totalBytes = 0;
  #isComplete = true;

  /** @param maxBytes names of the files, with their maximum sizes; 0 records only that the file exists. */
  constructor(maxBytes: ReadonlyMap<string, number>) {
    this.#maxBytes = maxBytes;
  }

  /** Whether `add` needs the content of a file. */
  wants({ path, sizeBytes }: { readonly path: string; readonly sizeBytes: number }): boolean {
    return this.#isComplete && sizeBytes <= (this.#maxBytes.get(posix.basename(path)) ?? -1);
  }

  /** @param content of a file for which `wants` was true; null for all other entries. */
  add({ path, kind }: Pick<CheckedEntry, "path" | "kind">, content: Buffer | null): void {
    if (!this.#isComplete) return;
    const name = posix.basename(path);
    const maxBytes = this.#maxBytes.get(name);
    if (kind === "file" && content !== null && maxBytes !== undefined && maxBytes > 0) {
      this.#totalBytes += content.length - (this.#files.get(path)?.length ?? 0);
      this.#files.set(path, content);
    } else if (maxBytes !== undefined || name === "node_modules") this.#isComplete = false;
    if (this.#files.size > maxFiles || this.#totalBytes > maxTotalBytes) this.#isComplete = false;
  }

  /** @returns null when there may be more files than were added. */
  files(): ReadonlyMap<string, Buffer> | null {
    return this.#isComplete ? this.#files : null;
  }
}
