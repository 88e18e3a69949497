// Converts the tar of a folder (a build cache, a buildpack) into one that an engine can unpack, with the same checks and limits as for a
// source.

import type { ByteStream } from "@slipway/core";
import { type NewEntry, writeEntries } from "@slipway/tar";
import { type TarLayout, type UnpackLimits, checkedEntries } from "./checked-entries.ts";
import { innerSymlinkTarget } from "./entry-path.ts";
import { buildOwner, type FileOwner, newEntry } from "./new-entry.ts";

export interface FolderTarOptions {
  /** Name of the folder in the returned tar. */
  readonly name: string;
  readonly limits: UnpackLimits;
  /** Default: "folder". */
  readonly layout?: TarLayout;
  /** Default: the build's user. */
  readonly owner?: FileOwner;
}

/**
 * Accepts files, folders, and links that stay inside the folder. Memory does not grow with the content. The result can be read
 * once, and fails with "archive-invalid", "archive-too-large" or the tar stream's own error.
 */
export function folderTar(tar: ByteStream, options: FolderTarOptions): ByteStream {
  return writeEntries(folderEntries(tar, options));
}

/** Like `folderTar`, as entries of a larger tar. `name` may be a path. */
export async function* folderEntries(
  tar: ByteStream,
  { name, limits, layout, owner = buildOwner }: FolderTarOptions,
): AsyncGenerator<NewEntry> {
  for await (const entry of checkedEntries(tar, limits, innerSymlinkTarget, layout))
    yield newEntry(entry, name, owner);
}
