// Converts a source archive into the context of an image build: one folder of it, without the ignored files.

import type { ByteStream, DisposableBytes } from "@slipway/core";
import { type NewEntry, writeEntries } from "@slipway/tar";
import { type CheckedEntry, type UnpackLimits, checkedEntries } from "./checked-entries.ts";
import { symlinkTarget } from "./entry-path.ts";
import { gunzip } from "./gunzip.ts";
import { newEntry } from "./new-entry.ts";

export interface ContextTarOptions {
  /** Folder that becomes the root of the context; "" for the archive's root folder. */
  readonly folder: string;
  /** Whether a file or link is part of the context, by its path in the context. Folders without content may be left out too. */
  readonly includes: (path: string) => boolean;
  readonly limits: UnpackLimits;
  readonly signal: AbortSignal;
}

const root = ".";
const rootOwner = { uid: 0, gid: 0 };

/**
 * All entries belong to root, as in every build context, and keep their times and execute bits. An ignored folder is sent if
 * something in it is not ignored. A hard link to a file outside of the context is sent as a file: only then is the
 * archive opened twice. The tar can be read once, and fails as `sourceTar` does.
 * @param open opens the archive for reading from its start.
 */
export function contextTar(open: () => Promise<DisposableBytes>, options: ContextTarOptions): ByteStream {
  return writeEntries(new ContextEntries(open, options).all());
}

/** Paths are those in the archive, unless stated otherwise. */
class ContextEntries {
  readonly #open: () => Promise<DisposableBytes>;
  readonly #options: ContextTarOptions;
  readonly #prefix: string;
  /** Folders that have not been sent yet, by path in the context. */
  readonly #folders = new Map<string, NewEntry>();
  /** Target file of each hard link, resolved through other links. */
  readonly #linked = new Map<string, string>();
  /** Hard links in the context whose files are outside of it. */
  readonly #loose = new Set<string>();

  constructor(open: () => Promise<DisposableBytes>, options: ContextTarOptions) {
    this.#open = open;
    this.#options = options;
    this.#prefix = options.folder === "" ? "" : `${options.folder}/`;
  }

  async *all(): AsyncGenerator<NewEntry> {
    for await (const entry of this.#archived()) yield* this.#entry(entry);
    if (this.#loose.size > 0) yield* this.#looseFiles();
  }

  async *#archived(): AsyncGenerator<CheckedEntry> {
    const { limits, signal } = this.#options;
    await using archive = await this.#open();
    yield* checkedEntries(gunzip(archive, signal), limits, symlinkTarget);
  }

  *#entry(entry: CheckedEntry): Generator<NewEntry> {
    this.#linked.delete(entry.path);
    this.#loose.delete(entry.path);
    const path = this.#included(entry.path);
    if (entry.kind === "hardlink") {
      const file = this.#linked.get(entry.target) ?? entry.target;
      this.#linked.set(entry.path, file);
      const target = this.#included(file);
      if (path !== null && target !== null) yield* this.#sent({ ...entry, path, target });
      else if (path !== null) this.#loose.add(entry.path);
    } else if (path !== null) yield* this.#sent({ ...entry, path });
    else if (entry.kind === "directory" && entry.path.startsWith(this.#prefix)) this.#keepFolder(entry);
  }

  /** The first link to a file becomes the file; the other links link to the first. */
  async *#looseFiles(): AsyncGenerator<NewEntry> {
    const links = Map.groupBy(this.#loose, (path) => this.#linked.get(path));
    for await (const entry of this.#archived()) {
      const [target, ...others] = (links.get(entry.path) ?? []).flatMap((path) => this.#included(path) ?? []);
      if (entry.kind !== "file" || target === undefined) continue;
      yield* this.#sent({ ...entry, path: target });
      const { mode, mtime } = entry;
      for (const path of others) yield* this.#sent({ kind: "hardlink", path, target, mode, mtime });
    }
  }

  /** @returns the path in the context; null for a path outside of it. */
  #included(path: string): string | null {
    if (path === "" || !path.startsWith(this.#prefix)) return null;
    const below = path.slice(this.#prefix.length);
    return this.#options.includes(below) ? below : null;
  }

  #keepFolder(entry: CheckedEntry): void {
    const path = entry.path.slice(this.#prefix.length);
    this.#folders.set(path, newEntry({ ...entry, path }, root, rootOwner));
  }

  /** An entry of the context, after those of its parent folders that have not been sent yet. */
  *#sent(entry: CheckedEntry): Generator<NewEntry> {
    const parts = entry.path.split("/");
    for (let depth = 1; depth < parts.length; depth += 1) {
      const parent = parts.slice(0, depth).join("/");
      const found = this.#folders.get(parent);
      if (found === undefined) continue;
      this.#folders.delete(parent);
      yield found;
    }
    yield newEntry(entry, root, rootOwner);
  }
}
