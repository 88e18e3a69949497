// Turns the tar of one folder that a build left into a tar that an engine unpacks again: checked and bounded as a source is.

import type { ByteStream } from "@slipway/core";
import { type UnpackLimits, checkedEntries } from "./checked-entries.ts";
import { buildOwnerId, entryHeader } from "./entry-header.ts";
import { innerSymlinkTarget } from "./entry-path.ts";
import { encodeHeader, endMark, joined, padding } from "./tar-writer.ts";

export interface FolderTarOptions {
  /** What the folder is called in the tar returned. */
  readonly name: string;
  readonly limits: UnpackLimits;
}

/**
 * Takes files, folders and links; nothing else, and no link that leads out of the folder. Memory does not grow with the
 * content. To be read once. Fails with "archive-invalid", "archive-too-large" or the tar stream's own error.
 */
export function folderTar(tar: ByteStream, options: FolderTarOptions): ByteStream {
  return joined(write(tar, options));
}

async function* write(tar: ByteStream, { name, limits }: FolderTarOptions): AsyncGenerator<Uint8Array> {
  for await (const entry of checkedEntries(tar, limits, innerSymlinkTarget)) {
    yield encodeHeader(entryHeader(entry, name, buildOwnerId));
    if (entry.kind !== "file") continue;
    yield* entry.body;
    yield padding(entry.sizeBytes);
  }
  yield endMark;
}
