// Fetch: opens the source's archive as a stream. Needs the deployment; yields the stream.

import { SlipwayError, sourceBlobKey } from "@slipway/core";
import type { HeldBytes } from "@slipway/core";
import { openUrl } from "@slipway/outbound";
import type { Attempt } from "../attempt.ts";

export async function fetchSource({ platform, lease, log, signal }: Attempt): Promise<HeldBytes> {
  const { source } = lease.deployment;
  if (source.kind === "url") {
    log.line(`-----> Fetching source from ${new URL(source.url).host}`);
    const { limits, allowedPrivateHosts } = platform.config;
    return openUrl(source.url, { maxSizeBytes: limits.sourceBytes, allowedPrivateHosts, signal });
  }
  if (source.kind === "release") throw new SlipwayError("internal", "a release has no source to fetch");
  log.line("-----> Fetching uploaded source");
  const blob = await platform.blobs.get(sourceBlobKey(source.sourceId));
  if (blob === null)
    throw new SlipwayError("source-unreachable", "the uploaded archive is no longer there; upload it again");
  return blob.bytes;
}
