// Creates tars of empty directories, from which the engine creates the parents of a path in the volume.

import { buffer } from "node:stream/consumers";
import { type NewEntry, writeEntries } from "@slipway/tar";

/**
 * Creates a tar of nested empty directories: `build/app` gives build/ and build/app/.
 * @param path a relative path
 */
export function directoriesTar(path: string, ownerId: number): Promise<Buffer> {
  return buffer(writeEntries(directories(path, ownerId)));
}

function* directories(path: string, ownerId: number): Generator<NewEntry> {
  const parts = path.split("/");
  const owner = { uid: ownerId, gid: ownerId };
  for (const index of parts.keys()) {
    const each = parts.slice(0, index + 1).join("/");
    yield { ...owner, kind: "directory", path: each, mode: 0o755, mtime: new Date(0), sizeBytes: 0 };
  }
}
