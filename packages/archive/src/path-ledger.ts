// Remembers what stands at each path of an archive, so that no entry is written through a link or over a folder.

import { hash } from "node:crypto";
import { refused } from "./entry-path.ts";

export type PathKind = "directory" | "file" | "symlink";

/**
 * Keeps 22 characters a path however long it is, and forgets none: whoever notes has to bound how many entries and folders
 * above them there are.
 */
export class PathLedger {
  readonly #kinds = new Map<string, PathKind>();
  #lastParent = "";

  /**
   * Notes an entry. A file or link may come again and replaces the former; a folder stays a folder.
   * @returns the folders above it that no entry named so far, from the outermost: they are noted as folders.
   * @throws {SlipwayError} "archive-invalid" where the entry lies below a file or link, or clashes with a folder.
   */
  note(path: string, kind: PathKind): string[] {
    const implied = this.#noteParents(path);
    const key = keyOf(path);
    const before = this.#kinds.get(key);
    if (before !== undefined && before !== kind && (before === "directory" || kind === "directory")) {
      throw refused(path, `is a ${kind}, but a ${before} has the same name`);
    }
    this.#kinds.set(key, kind);
    return implied;
  }

  kindOf(path: string): PathKind | undefined {
    return this.#kinds.get(keyOf(path));
  }

  #noteParents(path: string): string[] {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    // A folder never becomes anything else, so that the parents of neighbors need no second look.
    if (parent === this.#lastParent) return [];
    const implied: string[] = [];
    for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) {
      const folder = path.slice(0, end);
      const kind = this.kindOf(folder);
      if (kind === undefined) implied.push(folder);
      else if (kind !== "directory") throw refused(path, `lies below a ${kind}`);
    }
    for (const folder of implied) this.#kinds.set(keyOf(folder), "directory");
    this.#lastParent = parent;
    return implied;
  }
}

function keyOf(path: string): string {
  return hash("sha256", path, "base64").slice(0, 22);
}
