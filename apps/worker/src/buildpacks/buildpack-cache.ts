// Caches fetched buildpacks in a folder of this worker, by URL and revision. Evicts the least recently used entries.

import { link, mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TarPart } from "./git-repository.ts";

export class BuildpackCache {
  readonly #folder: string;
  readonly #maxSizeBytes: number;
  /** The entries, ordered by last use. */
  readonly #entries = new Map<string, readonly TarPart[]>();
  #added = 0;

  /** @param folder must be on the same file system as the folders that are passed to `take` and `keep`. */
  constructor(folder: string, maxSizeBytes: number) {
    this.#folder = folder;
    this.#maxSizeBytes = maxSizeBytes;
  }

  /**
   * Links the cached files into the folder, where they stay even when the cache evicts them.
   * @returns the files in the folder; null when they are not cached.
   */
  async take(key: string, folder: string): Promise<readonly TarPart[] | null> {
    const kept = this.#entries.get(key);
    if (kept === undefined) return null;
    this.#entries.delete(key);
    this.#entries.set(key, kept);
    try {
      return await Promise.all(kept.map((part, index) => linked(part, join(folder, `kept-${index}.tar`))));
    } catch (error) {
      // Another build may have replaced the files in the meantime.
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
      throw error;
    }
  }

  /** Links the files into the cache, and evicts entries for which there is no space. */
  async keep(key: string, parts: readonly TarPart[]): Promise<void> {
    if (sizeOf(parts) > this.#maxSizeBytes) return;
    const name = String(this.#added);
    this.#added += 1;
    // Renamed once it is complete, so that an error leaves no incomplete entry.
    const incomplete = join(this.#folder, `${name}.incomplete`);
    await mkdir(incomplete);
    await Promise.all(parts.map((part, index) => linked(part, join(incomplete, `${index}.tar`))));
    const folder = join(this.#folder, name);
    await rename(incomplete, folder);
    const former = this.#entries.get(key);
    this.#entries.delete(key);
    this.#entries.set(
      key,
      parts.map((part, index) => ({ ...part, file: join(folder, `${index}.tar`) })),
    );
    if (former !== undefined) await remove(former);
    await this.#trim();
  }

  async #trim(): Promise<void> {
    let sizeBytes = [...this.#entries.values()].reduce((sum, parts) => sum + sizeOf(parts), 0);
    for (const [key, parts] of this.#entries) {
      if (sizeBytes <= this.#maxSizeBytes) return;
      sizeBytes -= sizeOf(parts);
      this.#entries.delete(key);
      await remove(parts);
    }
  }
}

function sizeOf(parts: readonly TarPart[]): number {
  return parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

async function linked(part: TarPart, file: string): Promise<TarPart> {
  await link(part.file, file);
  return { ...part, file };
}

/** Each entry's files have their own folder. */
async function remove([first]: readonly TarPart[]): Promise<void> {
  if (first !== undefined) await rm(dirname(first.file), { recursive: true, force: true });
}
