// Records the kind of each path in an archive, so that no entry is written through a link or over a folder.

import { hash } from "node:crypto";
import { invalidEntry } from "./entry-path.ts";

/** Bounds the memory for paths, which may be long. */
const maxParents = 1000;

export type PathKind = "directory" | "file" | "symlink";

/**
 * Stores 22 characters per path, regardless of its length. The caller must limit the number of entries and of the folders
 * above them.
 */
export class PathLedger {
  readonly #kinds = new Map<string, PathKind>();
  /** Some of the folders, by path. A folder stays a folder, so entries in them need no other check of their parents. */
  readonly #parents = new Set<string>([""]);

  /**
   * Records an entry. A file or link may replace an earlier one at the same path; a folder stays a folder.
   * @returns the folders above it without an entry so far, outermost first. They are recorded as folders.
   * @throws {SlipwayError} "archive-invalid" when the entry is below a file or link, or conflicts with a folder.
   */
  add(path: string, kind: PathKind): string[] {
    const implied = this.#addParents(path);
    const key = keyOf(path);
    const previous = this.#kinds.get(key);
    if (previous !== undefined && previous !== kind && (previous === "directory" || kind === "directory")) {
      throw invalidEntry(path, `is a ${kind}, but a ${previous} has the same name`);
    }
    this.#kinds.set(key, kind);
    return implied;
  }

  kindOf(path: string): PathKind | undefined {
    return this.#kinds.get(keyOf(path));
  }

  #addParents(path: string): string[] {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (this.#parents.has(parent)) return [];
    const implied: string[] = [];
    // From the innermost folder outwards, up to a recorded one, whose parents are recorded too.
    for (let end = parent.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const folder = path.slice(0, end);
      const kind = this.kindOf(folder);
      if (kind === "directory") break;
      if (kind !== undefined) throw invalidEntry(path, `is below a ${kind}`);
      implied.push(folder);
    }
    implied.reverse();
    for (const folder of implied) this.#kinds.set(keyOf(folder), "directory");
    if (this.#parents.size >= maxParents) this.#parents.clear();
    this.#parents.add(parent);
    return implied;
  }
}

/** @returns 22 characters that identify a path of any length. */
export function keyOf(path: string): string {
  return hash("sha256", path, "base64").slice(0, 22);
}
