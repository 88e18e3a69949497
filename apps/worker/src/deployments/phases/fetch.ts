// Fetch: opens the source's archive as a stream. Needs the deployment; yields the stream.

import { SlipwayError, sourceBlobKey } from "@slipway/core";
import type { BlobStore, HeldBytes } from "@slipway/core";
import { openUrl } from "@slipway/outbound";
import type { WorkerConfig } from "../../config.ts";
import type { Attempt } from "../attempt.ts";

export interface FetchContext {
  readonly blobs: Pick<BlobStore, "get">;
  readonly config: Pick<WorkerConfig, "allowedPrivateHosts"> & {
    readonly limits: Pick<WorkerConfig["limits"], "sourceBytes">;
  };
}

/** @throws {SlipwayError} "source-unreachable" and the other errors of `openUrl`. */
export async function fetchSource(
  { blobs, config }: FetchContext,
  { lease, log, signal }: Attempt,
): Promise<HeldBytes> {
  const { source } = lease.deployment;
  if (source.kind === "url") {
    log.line(`-----> Fetching source from ${new URL(source.url).host}`);
    const { limits, allowedPrivateHosts } = config;
    return openUrl(source.url, { maxSizeBytes: limits.sourceBytes, allowedPrivateHosts, signal });
  }
  if (source.kind === "release") throw new SlipwayError("internal", "a release has no source to fetch");
  log.line("-----> Fetching uploaded source");
  const blob = await blobs.get(sourceBlobKey(source.sourceId));
  if (blob === null)
    throw new SlipwayError("source-unreachable", "the uploaded archive is no longer there; upload it again");
  return blob.bytes;
}
