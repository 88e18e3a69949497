// Converts a source archive into the context of an image build: one folder of it, without what the build ignores.

import type { ByteStream } from "@slipway/core";
import { type NewEntry, writeEntries } from "@slipway/tar";
import { type UnpackLimits, checkedEntries } from "./checked-entries.ts";
import { symlinkTarget } from "./entry-path.ts";
import { gunzip } from "./gunzip.ts";
import { newEntry } from "./new-entry.ts";

export interface ContextTarOptions {
  /** Folder that becomes the root of the context; "" for the archive's root folder. */
  readonly folder: string;
  /** Whether a file or link is part of the context, by its path in it. Folders without content may be left out too. */
  readonly includes: (path: string) => boolean;
  readonly limits: UnpackLimits;
  readonly signal: AbortSignal;
}

const root = ".";
const rootOwner = { uid: 0, gid: 0 };

/**
 * All entries belong to root, as in every build context, and keep their times and execute bits. Folders are sent even if they are
 * ignored, when something in them is not. A hard link is left out together with its target. It can be read once, and fails as
 * `sourceTar` does.
 */
export function contextTar(archive: ByteStream, options: ContextTarOptions): ByteStream {
  return writeEntries(contextEntries(archive, options));
}

async function* contextEntries(
  archive: ByteStream,
  { folder, includes, limits, signal }: ContextTarOptions,
): AsyncGenerator<NewEntry> {
  const folders = new Map<string, NewEntry>();
  const prefix = folder === "" ? "" : `${folder}/`;
  for await (const entry of checkedEntries(gunzip(archive, signal), limits, symlinkTarget)) {
    if (!entry.path.startsWith(prefix) || entry.path === "") continue;
    const path = entry.path.slice(prefix.length);
    const moved = { ...entry, path };
    if (entry.kind === "directory") {
      const sent = newEntry(moved, root, rootOwner);
      if (includes(path)) yield* withParents(path, folders, sent);
      else folders.set(path, sent);
      continue;
    }
    if (!includes(path)) continue;
    if (entry.kind === "hardlink") {
      const target = entry.target.startsWith(prefix) ? entry.target.slice(prefix.length) : null;
      if (target === null || !includes(target)) continue;
      yield* withParents(path, folders, newEntry({ ...moved, kind: "hardlink", target }, root, rootOwner));
    } else yield* withParents(path, folders, newEntry(moved, root, rootOwner));
  }
}

/** Precedes an entry by the folders above it that were left out so far. */
function* withParents(path: string, folders: Map<string, NewEntry>, entry: NewEntry): Generator<NewEntry> {
  const parts = path.split("/");
  for (let depth = 1; depth < parts.length; depth += 1) {
    const parent = parts.slice(0, depth).join("/");
    const found = folders.get(parent);
    if (found === undefined) continue;
    folders.delete(parent);
    yield found;
  }
  yield entry;
}
