// Fetch: provides the source's archive so that it can be read several times. Input: the deployment. Output: the source.

import { createReadStream, createWriteStream } from "node:fs";
import { mkdtempDisposable, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { SlipwayError, sourceBlobKey } from "@slipway/core";
import type { BlobStore, DisposableBytes } from "@slipway/core";
import type { RunningPhase } from "@slipway/deployments";
import { openUrl } from "@slipway/outbound";
import type { WorkerConfig } from "../../config.ts";
import type { Attempt } from "../attempt.ts";

export interface FetchContext {
  readonly blobs: Pick<BlobStore, "get">;
  /** The path of an existing folder for temporary files. */
  readonly temporaryFolder: string;
  readonly config: Pick<WorkerConfig, "allowedPrivateHosts"> & {
    readonly limits: Pick<WorkerConfig["limits"], "sourceBytes">;
    readonly timing: Pick<WorkerConfig["timing"], "sourceTimeoutMs">;
  };
}

export interface FetchedSource extends AsyncDisposable {
  /** Opens the archive at its start. @throws {SlipwayError} "source-unreachable" when it no longer exists. */
  open(): Promise<DisposableBytes>;
}

/** @throws {SlipwayError} "source-unreachable" and the other errors of `openUrl`. */
export async function fetchSource(
  context: FetchContext,
  attempt: Attempt,
  phase: Pick<RunningPhase, "addBytes">,
): Promise<FetchedSource> {
  const { source } = attempt.lease.deployment;
  if (source.kind === "url") return download(context, attempt, source.url, phase);
  if (source.kind !== "upload") throw new SlipwayError("internal", `a ${source.kind} has no source to fetch`);
  attempt.log.line("-----> Fetching uploaded source");
  const open = async () => {
    const blob = await context.blobs.get(sourceBlobKey(source.sourceId));
    if (blob !== null) return blob.bytes;
    throw new SlipwayError("source-unreachable", "the uploaded archive no longer exists; upload it again");
  };
  return { open, [Symbol.asyncDispose]: async () => {} };
}

/** A URL may return other bytes the next time, so the archive is kept in a file until the attempt ends. */
async function download(
  { config, temporaryFolder }: FetchContext,
  { log, signal }: Attempt,
  url: string,
  phase: Pick<RunningPhase, "addBytes">,
): Promise<FetchedSource> {
  log.line(`-----> Fetching source from ${new URL(url).host}`);
  const { limits, timing, allowedPrivateHosts } = config;
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await mkdtempDisposable(join(temporaryFolder, "source-")));
  const file = join(folder.path, "source.tar.gz");
  {
    const { sourceTimeoutMs: timeoutMs } = timing;
    const options = { maxSizeBytes: limits.sourceBytes, timeoutMs, allowedPrivateHosts, signal };
    await using body = await openUrl(url, options);
    await pipeline(Readable.from(body, { objectMode: false }), createWriteStream(file), { signal });
    phase.addBytes((await stat(file)).size);
  }
  const resources = opened.move();
  return {
    open: async () => heldFile(file),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function heldFile(path: string): DisposableBytes {
  const stream = createReadStream(path);
  return {
    [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>,
    [Symbol.asyncDispose]: async () => {
      stream.destroy();
    },
  };
}
