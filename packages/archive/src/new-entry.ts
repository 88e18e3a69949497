// How a checked entry is written: below another folder, and owned by the build's user.

import type { NewEntry } from "@slipway/tar";
import type { CheckedEntry } from "./checked-entries.ts";

/** Ids of the user and the group that own files. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Owns a build's files, unless the build has a user of its own. */
export const buildOwner: FileOwner = { uid: 2000, gid: 2000 };

/**
 * Keeps modification times and execute bits, clears setuid, setgid and sticky bits, and lets the owner read and write.
 * @param prefix folder that replaces the tar's root folder
 */
export function newEntry(entry: CheckedEntry, prefix: string, { uid, gid }: FileOwner): NewEntry {
  const path = below(prefix, entry.path);
  const mode = entry.mode & 0o777;
  const common = { path, uid, gid, mtime: entry.mtime, sizeBytes: 0 };
  const { kind } = entry;
  if (kind === "directory") return { ...common, kind, mode: mode | 0o700 };
  if (kind === "symlink") return { ...common, kind, mode: 0o777, target: entry.target };
  if (kind === "hardlink")
    return { ...common, kind, mode: mode | 0o600, target: below(prefix, entry.target) };
  return { ...common, kind, mode: mode | 0o600, sizeBytes: entry.sizeBytes, body: entry.body };
}

function below(prefix: string, path: string): string {
  return path === "" ? prefix : `${prefix}/${path}`;
}
