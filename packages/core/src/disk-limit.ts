// Disk limits of builds, hooks and instances: a maximum of bytes, and a maximum of files, where an empty file counts too.

import { mebibytesText } from "./mebibytes.ts";

/** Minimum size that each file and folder counts with: about the space that a file and its name take. Many would use up the inodes. */
export const bytesPerFile = 4096;
/** Time limit of one count. Files that cannot be counted in it exceed every limit. A million files take some seconds. */
export const countSeconds = 45;

/** The part of a limit that was exceeded. */
export type DiskExcess = "bytes" | "files";

interface Written {
  readonly bytes: number;
  readonly files: number;
}

/** @returns the size in bytes that counts against a limit. */
export function writtenSize({ bytes, files }: Written): number {
  return Math.max(bytes, files * bytesPerFile);
}

/** Maximum number of files under a limit of this many bytes. */
export function maxFiles(diskBytes: number): number {
  return Math.floor(diskBytes / bytesPerFile);
}

/** @returns null within the limit. */
export function excessOf({ bytes, files }: Written, diskBytes: number): DiskExcess | null {
  if (bytes > diskBytes) return "bytes";
  return files > maxFiles(diskBytes) ? "files" : null;
}

/**
 * For the app's owner: what an instance or a hook exceeded.
 * @returns the predicate of a sentence, with the limit and its setting.
 */
export function excessText(excess: DiskExcess, diskBytes: number): string {
  const disk = `its ${mebibytesText(diskBytes)} of disk (APP_DISK_MB)`;
  if (excess === "bytes") return `wrote more than ${disk}`;
  return `created more than ${maxFiles(diskBytes)} files, and each counts as ${bytesPerFile / 1024} KiB of ${disk}`;
}
