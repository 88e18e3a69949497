// The files of a Go module's zip archive, verified with the hash from Go's checksum database.

import { createHash } from "node:crypto";
import { mkdtempDisposable, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ByteStream } from "@slipway/core";
import { unavailable } from "./failures.ts";
import { packageFile } from "./package-entries.ts";
import type { PackageFile } from "./package-entries.ts";
import { zipContent, zipEntries, ZipError } from "./zip-archive.ts";

export interface ModuleZip {
  /** `golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64` */
  readonly module: string;
  readonly bytes: ByteStream;
  /** `h1:…`; null when it is unknown. */
  readonly hash: string | null;
}

/**
 * The files in the order of their paths, which are relative to the module. Meanwhile the archive is in a temporary file.
 * @throws {SlipwayError} "toolchain-unavailable" when the archive is damaged or hostile; after the last file, when its files do not
 * match the hash; the stream's own error.
 */
export async function* moduleFiles({ module, bytes, hash }: ModuleZip): AsyncGenerator<PackageFile> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-go-"));
  await using file = await open(join(folder.path, "module.zip"), "wx+");
  for await (const chunk of bytes) await file.writeFile(chunk);
  const prefix = `${module}/`;
  const sums = createHash("sha256");
  try {
    for (const entry of await zipEntries(file)) {
      if (!entry.path.startsWith(prefix)) throw new ZipError(`it has a file outside of ${prefix}`);
      const content = await zipContent(file, entry);
      sums.update(`${createHash("sha256").update(content).digest("hex")}  ${entry.path}\n`);
      yield packageFile(entry.path.slice(prefix.length), content);
    }
  } catch (error) {
    if (error instanceof ZipError)
      throw unavailable(`The archive of ${module} cannot be unpacked: ${error.message}.`, error);
    throw error;
  }
  const found = `h1:${sums.digest("base64")}`;
  if (hash !== null && found !== hash)
    throw unavailable(
      `The archive of ${module} does not match Go's checksum database: its hash is ${found}, and the database has ${hash}.`,
    );
}
