// Reads the files of a package from its tarball, which is verified to its last byte.

import { checkedEntries, gunzip, innerSymlinkTarget } from "@slipway/archive";
import { SlipwayError } from "@slipway/core";
import type { ByteStream } from "@slipway/core";
import { unavailable } from "./failures.ts";

export interface PackageFile {
  /** Relative to the package. */
  readonly path: string;
  readonly isExecutable: boolean;
  readonly sizeBytes: number;
  /** Read it before requesting the next file. */
  readonly body: ByteStream;
}

/** A symbolic link in a package; its target is a path in the image. */
export interface PackageLink {
  /** Relative to the package. */
  readonly path: string;
  readonly symlinkTo: string;
}

/** @returns a file whose content is in memory. */
export function packageFile(path: string, content: Buffer, isExecutable = false): PackageFile {
  async function* body(): AsyncGenerator<Uint8Array> {
    yield content;
  }
  return { path, isExecutable, sizeBytes: content.length, body: body() };
}

const limits = { maxUnpackedBytes: 1024 ** 3, maxEntries: 50_000 };

/** Handling of links in a tarball. Packages of the npm registry contain none. */
type Links = "refused" | "omitted";

/**
 * @param tarball a stream that fails at its end when its bytes are wrong. @param title the package's name, for errors.
 * @throws {SlipwayError} "toolchain-unavailable", also when the tarball contains a link, or bytes after its gzip data; the
 * stream's own error.
 */
export async function* packageFiles(
  tarball: ByteStream,
  title: string,
  signal: AbortSignal,
  links: Links = "refused",
): AsyncGenerator<PackageFile> {
  let complete = false;
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* tarball;
    complete = true;
  }
  try {
    for await (const entry of checkedEntries(gunzip(whole(), signal), limits, innerSymlinkTarget)) {
      if (entry.kind === "directory" || (entry.kind === "symlink" && links === "omitted")) continue;
      if (entry.kind !== "file") throw unavailable(`The tarball of ${title} contains a link, ${entry.path}.`);
      const { path, sizeBytes, body } = entry;
      yield { path, isExecutable: (entry.mode & 0o111) !== 0, sizeBytes, body };
    }
  } catch (error) {
    if (error instanceof SlipwayError && error.code.startsWith("archive-"))
      throw unavailable(`The tarball of ${title} cannot be unpacked: ${error.message}`, error);
    throw error;
  }
  // Decompression ends with the gzip data. With further bytes, the stream would end before its checksum is compared.
  if (!complete) throw unavailable(`The tarball of ${title} has bytes after its gzip data.`);
}
