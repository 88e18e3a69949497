// The header for writing a checked entry, below another folder and owned by the build's user.

import type { CheckedEntry } from "./checked-entries.ts";
import type { TarHeader } from "./tar-writer.ts";

/** Ids of the user and the group that own a build's files. */
export const buildOwnerId = 2000;

/**
 * Keeps modification times and execute bits, clears setuid, setgid and sticky bits, and lets the owner read and write.
 * @param prefix folder that replaces the tar's root folder
 */
export function entryHeader(entry: CheckedEntry, prefix: string, ownerId: number): TarHeader {
  const path = below(prefix, entry.path);
  const mode = entry.mode & 0o777;
  const common = { path, mtime: entry.mtime, ownerId, sizeBytes: 0 };
  if (entry.kind === "directory") return { ...common, type: "Directory", mode: mode | 0o700 };
  if (entry.kind === "symlink")
    return { ...common, type: "SymbolicLink", mode: 0o777, linkpath: entry.target };
  if (entry.kind === "file")
    return { ...common, type: "File", mode: mode | 0o600, sizeBytes: entry.sizeBytes };
  return { ...common, type: "Link", mode: mode | 0o600, linkpath: below(prefix, entry.target) };
}

function below(prefix: string, path: string): string {
  return path === "" ? prefix : `${prefix}/${path}`;
}
