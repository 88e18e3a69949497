// The entries of a stranger's tar, each checked: one folder at the root, known kinds, safe names, bounded in number and size.

import { type ByteStream, SlipwayError } from "@slipway/core";
import { ByteReader } from "./byte-reader.ts";
import { cleanSegments, isArchiverLitter, quoted, refused } from "./entry-path.ts";
import { PathLedger } from "./path-ledger.ts";
import { type Budget, type TarEntry, readTar } from "./tar-reader.ts";

export interface UnpackLimits {
  /** What the archive may unpack to: files by the sizes in their headers, holes included, and the headers themselves. */
  readonly maxUnpackedBytes: number;
  /** Files, links and folders, also those that are named by what lies in them only. */
  readonly maxEntries: number;
}

/** An entry that may be unpacked. `path` is relative to the archive's one folder; the folder itself is "". */
export type CheckedEntry = { readonly path: string; readonly mode: number; readonly mtime: Date } & (
  | { readonly kind: "directory" }
  | { readonly kind: "file"; readonly sizeBytes: number; readonly body: ByteStream }
  | { readonly kind: "symlink"; readonly target: string }
  /** `target` is the path of a file that came before. */
  | { readonly kind: "hardlink"; readonly target: string }
);

/** @returns the target that a symbolic link at `path` is written with; throws where the link is refused. */
export type SymlinkRule = (path: string, target: string) => string;

const kinds: Readonly<Record<string, CheckedEntry["kind"]>> = {
  File: "file",
  OldFile: "file",
  ContiguousFile: "file",
  Directory: "directory",
  SymbolicLink: "symlink",
  Link: "hardlink",
};
const defaultDirectoryMode = 0o755;

/**
 * Reads a tar to its end. Every folder comes as an entry before what lies in it, also where the tar has none for
 * it. A file's body is to be read before the next entry is asked for. What a file would add is refused by its header, before
 * any of it is read.
 * @throws {SlipwayError} "archive-invalid" or "archive-too-large", with a message for the person who made the archive; the
 * stream's own error as it is.
 */
export async function* checkedEntries(
  tar: ByteStream,
  limits: UnpackLimits,
  symlinkRule: SymlinkRule,
): AsyncGenerator<CheckedEntry> {
  await using reader = new ByteReader(tar);
  const ledger = new PathLedger();
  const count = entryBudget(limits);
  let root: string | undefined;
  for await (const entry of readTar(reader, sizeBudget(limits))) {
    count(1);
    const [top, ...rest] = cleanSegments(entry.path);
    const kind = kindOf(entry);
    if (top === undefined || (top !== root && isArchiverLitter(top))) continue;
    checkRoot(root ?? top, top, rest.length === 0 && kind !== "directory");
    const path = rest.join("/");
    if (root === undefined && path !== "") yield impliedFolder("", entry);
    root = top;
    const checked = checkEntry(entry, kind, path, { root, ledger, symlinkRule });
    const folders = ledger.note(path, kind === "hardlink" ? "file" : kind);
    // One name in an archive may stand for hundreds of folders.
    count(folders.length);
    for (const folder of folders) yield impliedFolder(folder, entry);
    yield checked;
  }
  if (root === undefined) throw new SlipwayError("archive-invalid", "The archive is empty.");
}

function checkEntry(
  entry: TarEntry,
  kind: CheckedEntry["kind"],
  path: string,
  { root, ledger, symlinkRule }: { root: string; ledger: PathLedger; symlinkRule: SymlinkRule },
): CheckedEntry {
  const { mode, mtime, sizeBytes, body } = entry;
  if (kind === "file") return { kind, path, mode, mtime, sizeBytes, body };
  // Some tars take the bytes after such a header for the next entry and some for its content: nobody could tell which is meant.
  if (sizeBytes > 0) throw refused(entry.path, `is a ${kind} with content`);
  if (kind === "directory") return { kind, path, mode, mtime };
  if (kind === "symlink") return { kind, path, mode, mtime, target: symlinkRule(path, entry.linkpath) };
  const [top, ...rest] = cleanSegments(entry.linkpath);
  const target = rest.join("/");
  if (top !== root || target === path || ledger.kindOf(target) !== "file") {
    throw refused(entry.path, `is a hard link to ${quoted(entry.linkpath)}, which is no file before it`);
  }
  return { kind, path, mode, mtime, target };
}

function impliedFolder(path: string, { mtime }: TarEntry): CheckedEntry {
  return { kind: "directory", path, mode: defaultDirectoryMode, mtime };
}

function kindOf(entry: TarEntry): CheckedEntry["kind"] {
  const kind = kinds[entry.type];
  if (kind === undefined) throw refused(entry.path, `is no file, folder or link (${entry.type})`);
  return kind;
}

function checkRoot(root: string, top: string, isBesideFolder: boolean): void {
  const rule = "The archive must hold exactly one folder at its root, with the app in it";
  if (isBesideFolder)
    throw new SlipwayError("archive-invalid", `${rule}, but ${quoted(top)} at its root is no folder.`);
  if (top !== root)
    throw new SlipwayError("archive-invalid", `${rule}, but it has ${quoted(root)} and ${quoted(top)}.`);
}

function sizeBudget({ maxUnpackedBytes }: UnpackLimits): Budget {
  let totalBytes = 0;
  return (sizeBytes) => {
    totalBytes += sizeBytes;
    if (totalBytes > maxUnpackedBytes)
      throw tooLarge(`unpacks to more than ${(maxUnpackedBytes / 1024 ** 2).toFixed()} MiB`);
  };
}

function entryBudget({ maxEntries }: UnpackLimits): (entries: number) => void {
  let total = 0;
  return (entries) => {
    total += entries;
    if (total > maxEntries) throw tooLarge(`holds more than ${maxEntries} files and folders`);
  };
}

function tooLarge(how: string): SlipwayError {
  return new SlipwayError("archive-too-large", `The archive ${how}.`);
}
