// Reads the entries of an untrusted tar and checks each: one folder at the root, allowed kinds, safe names, limited number and size.

import { type ByteStream, SlipwayError } from "@slipway/core";
import { readEntries, type TarEntry, type TarError, type TarKind } from "@slipway/tar";
import { cleanSegments, isArchiverLitter, quoted, invalidEntry } from "./entry-path.ts";
import { PathLedger } from "./path-ledger.ts";
import { explain, tooLarge } from "./tar-errors.ts";

export interface UnpackLimits {
  /** Maximum unpacked size: all headers, and the files with the sizes in their headers, including holes. */
  readonly maxUnpackedBytes: number;
  /** Maximum number of files, links and folders, including folders without an entry of their own. */
  readonly maxEntries: number;
}

/** An entry that is safe to unpack. `path` is relative to the archive's root folder, which itself has the path "". */
export type CheckedEntry = { readonly path: string; readonly mode: number; readonly mtime: Date } & (
  | { readonly kind: "directory" }
  | { readonly kind: "file"; readonly sizeBytes: number; readonly body: ByteStream }
  | { readonly kind: "symlink"; readonly target: string }
  /** `target` is the path of an earlier file. */
  | { readonly kind: "hardlink"; readonly target: string }
);

/** @returns the target to write for a symbolic link at `path`; throws when the link is not allowed. */
export type SymlinkRule = (path: string, target: string) => string;

/** "folder" when the tar has one folder at its root, which is omitted from the paths; "flat" when the files are at its root. */
export type TarLayout = "folder" | "flat";

const defaultDirectoryMode = 0o755;

/**
 * Reads a tar to its end. Yields each folder before its content, even if the tar has no entry for it. Read a file's body before
 * requesting the next entry. Limits are checked with a file's header, before its content is read.
 * @throws {SlipwayError} "archive-invalid" or "archive-too-large", with a message for the author of the archive; the stream's
 * own error, unchanged.
 */
export async function* checkedEntries(
  tar: ByteStream,
  limits: UnpackLimits,
  symlinkRule: SymlinkRule,
  layout: TarLayout = "folder",
): AsyncGenerator<CheckedEntry> {
  const ledger = new PathLedger();
  const countEntries = entryBudget(limits);
  const countImplied = impliedBudget();
  let root: string | undefined;
  const { maxUnpackedBytes } = limits;
  const translate = (error: TarError) => explain(error, maxUnpackedBytes);
  for await (const entry of readEntries(tar, { maxSizeBytes: maxUnpackedBytes, translate })) {
    countEntries(1);
    const [top, ...rest] = segmentsOf(entry.path, layout);
    const kind = kindOf(entry);
    if (top === undefined || (top !== root && isArchiverLitter(top))) continue;
    checkRoot(root ?? top, top, rest.length === 0 && kind !== "directory");
    const path = rest.join("/");
    if (root === undefined && path !== "") yield impliedFolder("", entry);
    root = top;
    const checked = checkEntry(entry, kind, path, { root, ledger, symlinkRule, layout });
    const folders = ledger.add(path, kind === "hardlink" ? "file" : kind);
    // One path may imply many missing folders.
    countEntries(folders.length);
    countImplied(folders.length);
    for (const folder of folders) yield impliedFolder(folder, entry);
    yield checked;
  }
  if (root === undefined) throw new SlipwayError("archive-invalid", "The archive is empty.");
}

interface CheckContext {
  readonly root: string;
  readonly ledger: PathLedger;
  readonly symlinkRule: SymlinkRule;
  readonly layout: TarLayout;
}

function checkEntry(
  entry: TarEntry,
  kind: TarKind,
  path: string,
  { root, ledger, symlinkRule, layout }: CheckContext,
): CheckedEntry {
  const { mode, mtime, sizeBytes, body } = entry;
  if (kind === "file") return { kind, path, mode, mtime, sizeBytes, body };
  // Ambiguous: some implementations read the bytes after such a header as the next entry, others as content.
  if (sizeBytes > 0) throw invalidEntry(entry.path, `is a ${kind} with content`);
  if (kind === "directory") return { kind, path, mode, mtime };
  if (kind === "symlink") return { kind, path, mode, mtime, target: symlinkRule(path, entry.target) };
  const [top, ...rest] = segmentsOf(entry.target, layout);
  const target = rest.join("/");
  if (top !== root || target === path || ledger.kindOf(target) !== "file") {
    throw invalidEntry(entry.path, `is a hard link to ${quoted(entry.target)}, which is not an earlier file`);
  }
  return { kind, path, mode, mtime, target };
}

/** In a flat tar all entries are below a folder without a name. */
function segmentsOf(name: string, layout: TarLayout): string[] {
  const segments = cleanSegments(name);
  return layout === "flat" ? ["", ...segments] : segments;
}

function impliedFolder(path: string, { mtime }: TarEntry): CheckedEntry {
  return { kind: "directory", path, mode: defaultDirectoryMode, mtime };
}

function kindOf({ kind, path, type }: TarEntry): TarKind {
  if (kind === "other") throw invalidEntry(path, `is not a file, folder or link (${type})`);
  return kind;
}

function checkRoot(root: string, top: string, isBesideFolder: boolean): void {
  const remedy = "Create it with `git archive --prefix=app/ -o app.tar.gz HEAD`.";
  const rule = "The archive must contain exactly one folder at its root, with the app in it";
  if (isBesideFolder)
    throw new SlipwayError(
      "archive-invalid",
      `${rule}, but ${quoted(top)} at its root is not a folder. ${remedy}`,
    );
  if (top !== root)
    throw new SlipwayError(
      "archive-invalid",
      `${rule}, but it has ${quoted(root)} and ${quoted(top)}. ${remedy}`,
    );
}

/** An archive without entries for its folders has few of them per file; one that exceeds this was made to cost time. */
function impliedBudget(): (folders: number) => void {
  const free = 1_000;
  const perEntry = 10;
  let entries = 0;
  let implied = 0;
  return (folders) => {
    entries += 1;
    implied += folders;
    const most = free + perEntry * entries;
    if (implied <= most) return;
    throw new SlipwayError(
      "archive-invalid",
      `The first ${entries} entries of the archive name more than ${most} folders that have no entries of their own. ` +
        "Create it with `tar -czf app.tar.gz FOLDER`.",
    );
  };
}

function entryBudget({ maxEntries }: UnpackLimits): (entries: number) => void {
  let total = 0;
  return (entries) => {
    total += entries;
    if (total > maxEntries) throw tooLarge(`contains more than ${maxEntries} files and folders`);
  };
}
