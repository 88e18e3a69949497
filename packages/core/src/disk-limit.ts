// The rule of how much a build, a hook or an instance may write: bytes, and files, of which each counts even if it is empty.

/** What each file and folder counts at least. File systems take about as much for one with its name, and many run out of inodes. */
export const bytesPerFile = 4096;
/** Time limit of one count. What cannot be counted in it exceeds every limit. A million files take some seconds. */
export const countSeconds = 45;

/** The part of a limit that was exceeded. */
export type DiskExcess = "bytes" | "files";

interface Written {
  readonly bytes: number;
  readonly files: number;
}

/** @returns in bytes, what counts against a limit. */
export function writtenSize({ bytes, files }: Written): number {
  return Math.max(bytes, files * bytesPerFile);
}

/** How many files a limit of so many bytes allows. */
export function maxFiles(diskBytes: number): number {
  return Math.floor(diskBytes / bytesPerFile);
}

/** @returns null within the limit. */
export function excessOf({ bytes, files }: Written, diskBytes: number): DiskExcess | null {
  if (bytes > diskBytes) return "bytes";
  return files > maxFiles(diskBytes) ? "files" : null;
}

/**
 * For the app's owner: what an instance or a hook did.
 * @returns the predicate of a sentence, with the limit and its setting.
 */
export function excessText(excess: DiskExcess, diskBytes: number): string {
  const disk = `its ${Math.floor(diskBytes / 1024 ** 2)} MiB of disk (APP_DISK_MB)`;
  if (excess === "bytes") return `wrote more than ${disk}`;
  return `created more than ${maxFiles(diskBytes)} files, and each counts as ${bytesPerFile / 1024} KiB of ${disk}`;
}
