// Converts a source archive into a tar that an engine can unpack: checks it, replaces its root folder by a prefix, and appends
// extra entries.

import type { ByteStream } from "@slipway/core";
import { type NewEntry, writeEntries } from "@slipway/tar";
import { type CheckedEntry, type UnpackLimits, checkedEntries } from "./checked-entries.ts";
import { invalidEntry, quoted, symlinkTarget } from "./entry-path.ts";
import { gunzip } from "./gunzip.ts";
import { buildOwner, type FileOwner, newEntry } from "./new-entry.ts";
import { PathLedger } from "./path-ledger.ts";

/** A file or folder that the caller adds. `name` is relative to the root of the tar, not to the prefix. */
export type ExtraEntry =
  | { readonly kind: "file"; readonly name: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: "directory"; readonly name: string; readonly mode: number };

export interface SourceTarOptions {
  /** Folder that replaces the archive's root folder, e.g. `build/`. */
  readonly prefix: string;
  /** The only folder of the source that the tar contains, with paths relative to it. Default: the whole source. */
  readonly folder?: string;
  readonly limits: UnpackLimits;
  readonly signal: AbortSignal;
  /** Entries to append. Missing parent folders are added. */
  readonly extra?: AsyncIterable<ExtraEntry> | Iterable<ExtraEntry>;
  /** Further entries to append unchanged, after the extra ones. */
  readonly appended?: AsyncIterable<NewEntry>;
  /** Owner of all entries except the appended ones. Default: the build's user, 2000. */
  readonly owner?: FileOwner;
}

const extraMtime = new Date(0);

/**
 * Reads the archive only as far as the tar is read, so memory does not grow with the archive. Keeps modification times and
 * execute bits, clears setuid, setgid and sticky bits, and lets the owner read and write. It can be read once, and fails with
 * "archive-invalid", "archive-too-large", the archive stream's own error or the signal's reason.
 */
export function sourceTar(archive: ByteStream, options: SourceTarOptions): ByteStream {
  return writeEntries(newEntries(archive, options));
}

async function* newEntries(archive: ByteStream, options: SourceTarOptions): AsyncGenerator<NewEntry> {
  const owner = options.owner ?? buildOwner;
  const prefix = options.prefix.replace(/\/+$/, "");
  const unzipped = gunzip(archive, options.signal);
  const folder = options.folder ?? "";
  for await (const entry of checkedEntries(unzipped, options.limits, symlinkTarget)) {
    const path = pathBelow(folder, entry.path);
    if (path === null) continue;
    yield newEntry({ ...entry, path, ...targetBelow(folder, entry) }, prefix, owner);
  }
  yield* extraEntries(options.extra ?? [], prefix, owner, options.signal);
  if (options.appended !== undefined) yield* options.appended;
}

/** @returns the path relative to the folder, "" for the folder itself; null for a path outside of it. */
function pathBelow(folder: string, path: string): string | null {
  if (folder === "") return path;
  if (path === folder) return "";
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : null;
}

/** A hard link's target is relative to the source; any other link's target is relative to the link's folder. */
function targetBelow(folder: string, entry: CheckedEntry): { readonly target?: string } {
  if (entry.kind !== "hardlink") return {};
  const target = pathBelow(folder, entry.target);
  if (target !== null) return { target };
  throw invalidEntry(entry.path, `is a hard link to ${quoted(entry.target)}, which is outside of ${folder}`);
}

/** Returns a tar of these entries alone, with the missing parent folders. All belong to the build's user. */
export function entriesTar(
  entries: AsyncIterable<ExtraEntry> | Iterable<ExtraEntry>,
  signal: AbortSignal,
): ByteStream {
  return writeEntries(extraEntries(entries, "", buildOwner, signal));
}

async function* extraEntries(
  extra: AsyncIterable<ExtraEntry> | Iterable<ExtraEntry>,
  prefix: string,
  { uid, gid }: FileOwner,
  signal: AbortSignal,
): AsyncGenerator<NewEntry> {
  const ledger = new PathLedger();
  ledger.add(prefix, "directory");
  const common = { uid, gid, mtime: extraMtime, sizeBytes: 0 };
  for await (const { name, ...entry } of extra) {
    signal.throwIfAborted();
    const path = name.replace(/\/+$/, "");
    for (const parent of ledger.add(path, entry.kind))
      yield { ...common, kind: "directory", path: parent, mode: 0o755 };
    if (entry.kind === "directory") yield { ...common, ...entry, path };
    else {
      const { kind, mode, content } = entry;
      yield { ...common, kind, path, mode, sizeBytes: content.length, body: content };
    }
  }
}
