// Downloads the archive of a buildpack as a tar, and checks tars of buildpacks.

import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { checkedEntries, gunzip, innerSymlinkTarget } from "@slipway/archive";
import type { TarLayout, UnpackLimits } from "@slipway/archive";
import { SlipwayError, mebibytesText } from "@slipway/core";
import { openUrl } from "@slipway/outbound";
import type { OpenUrlOptions } from "@slipway/outbound";

export interface DownloadedArchive {
  /** Path of the uncompressed tar. */
  readonly file: string;
  /** SHA-256 of the archive as the server sent it. */
  readonly sha256: string;
  readonly layout: TarLayout;
}

/** @throws {SlipwayError} the errors of `openUrl`, "archive-invalid", "archive-too-large". */
export async function downloadArchive(
  url: string,
  folder: string,
  options: OpenUrlOptions & { readonly unpacked: UnpackLimits },
): Promise<DownloadedArchive> {
  const { signal, unpacked } = options;
  const file = join(folder, "archive.tar");
  const digest = createHash("sha256");
  await using body = await openUrl(url, options);
  const received = (async function* () {
    for await (const chunk of body) {
      digest.update(chunk);
      yield chunk;
    }
  })();
  const unzipped = limited(gunzip(received, signal), unpacked.maxUnpackedBytes);
  await pipeline(Readable.from(unzipped, { objectMode: false }), createWriteStream(file), { signal });
  return { file, sha256: digest.digest("hex"), layout: await layoutOf(file, unpacked) };
}

/** Reads a tar to its end. @throws {SlipwayError} "archive-invalid", "archive-too-large". */
export async function checkTar(file: string, layout: TarLayout, limits: UnpackLimits): Promise<void> {
  const entries = checkedEntries(createReadStream(file), limits, innerSymlinkTarget, layout);
  // oxlint-disable-next-line no-unused-vars -- every entry is checked before it is yielded
  for await (const _entry of entries);
}

/** Buildpack archives have their files at the root, or in one folder, as archives of GitHub do. */
async function layoutOf(file: string, limits: UnpackLimits): Promise<TarLayout> {
  // Links are checked later, once the folder that they must not leave is known.
  for await (const entry of checkedEntries(createReadStream(file), limits, (_path, target) => target, "flat"))
    if (entry.path === "bin/compile") return "flat";
  return "folder";
}

async function* limited(bytes: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Buffer> {
  let sizeBytes = 0;
  for await (const chunk of bytes) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes)
      throw new SlipwayError(
        "archive-too-large",
        `The archive unpacks to more than ${mebibytesText(maxBytes)}.`,
      );
    yield chunk;
  }
}
