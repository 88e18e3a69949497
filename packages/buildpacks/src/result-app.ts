// Checks the tar of an app's files that a build wrote. A build may write any tar; only one that the runner could have packed is accepted.

import { Readable } from "node:stream";
import type { ByteStream } from "@slipway/core";
import { readEntries, type TarEntry, TarError } from "@slipway/tar";
import { invalidResult } from "./result.ts";

/** The runner packs fewer entries. */
const maxEntries = 1000;

type Kinds = Map<string, TarEntry["kind"]>;

/**
 * @param folder name of the folder at the root of the tar. @returns the tar as a stream.
 * @throws {SlipwayError} "build-failed" when the entries are not those of one folder.
 */
export async function appOf(tar: Uint8Array, folder: string): Promise<ByteStream> {
  const kinds: Kinds = new Map();
  try {
    for await (const entry of readEntries(Readable.from([tar]), { maxEntries }))
      addEntry(kinds, entry, folder);
  } catch (error) {
    throw error instanceof TarError ? invalidResult(`app.tar: ${error.message}`) : error;
  }
  if (kinds.size === 0) throw invalidResult("app.tar is empty");
  return Readable.from([tar]);
}

function addEntry(kinds: Kinds, { kind, path, target }: TarEntry, folder: string): void {
  const name = path.replace(/\/$/, "");
  const parent = name.slice(0, Math.max(0, name.lastIndexOf("/")));
  const problem = problemOf();
  if (problem !== null) throw invalidResult(`app.tar: ${JSON.stringify(path.slice(0, 200))} ${problem}`);
  kinds.set(name, kind);

  function problemOf(): string | null {
    if (kinds.size === 0) return name === folder && kind === "directory" ? null : "is not the app's folder";
    if (kinds.get(parent) !== "directory") return "is not in a folder of the app";
    if (name.split("/").some((part) => ["", ".", ".."].includes(part))) return "is not a valid path";
    if (kinds.has(name)) return "is in the tar twice";
    if (kind !== "hardlink") return null;
    return [undefined, "directory"].includes(kinds.get(target))
      ? "is a hard link to a path that is not a file of the app"
      : null;
  }
}
