// Verifies a download with the checksum from its registry.

import { createHash } from "node:crypto";
import type { ByteStream } from "@slipway/core";
import { unavailable } from "./failures.ts";

/** Yields the download's bytes, and fails at the end with "toolchain-unavailable" if they do not match the sha256. */
export async function* checkedDownload(
  bytes: ByteStream,
  { name, sha256 }: { readonly name: string; readonly sha256: string },
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest("hex") !== sha256)
    throw unavailable(`${name} does not have the checksum (sha256) that its registry names.`);
}
