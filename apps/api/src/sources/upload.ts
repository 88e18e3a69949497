// Uploads: streams an archive into the blob store, within limits of size and time.

import { createHash } from "node:crypto";
import type { Request } from "express";
import { paced, withDeadline } from "@slipway/async";
import {
  SlipwayError,
  checkQuota,
  invalidField,
  mebibytesText,
  notFound,
  sourceBlobKey,
} from "@slipway/core";
import { HttpProblem } from "../http/http-problem.ts";
import { ownerQuotas } from "../users/quotas.ts";
import type { BlobStore, OwnerQuotas, Pace, Quotas, Store } from "@slipway/core";

export interface UploadContext {
  readonly store: Pick<Store, "sources" | "usage" | "users">;
  readonly userQuotas: Quotas;
  readonly blobs: Pick<BlobStore, "delete" | "get" | "put">;
  readonly uploads: UploadLimits;
}

interface UploadLimits {
  readonly maxSizeBytes: number;
  readonly timeoutMs: number;
  readonly pace: Pace;
}

/**
 * The first upload to finish wins: it marks the source as complete just before its blob is stored. Nothing overwrites it. The
 * same archive is accepted again, because a client repeats an upload whose response was lost.
 */
export async function uploadArchive(context: UploadContext, id: string, request: Request): Promise<void> {
  const { store, blobs } = context;
  const source = await store.sources.get(id);
  if (source === null) throw notFound("source");
  if (source.sizeBytes !== null) return acceptRepeated(context, id, request);
  const quota = await ownerQuotas(context, source.ownerId);
  await checkDeclaredBytes(context, quota, request);
  await storeBody(context, id, request, quota);
  // Housekeeping may have deleted the source before its blob was stored.
  if ((await store.sources.get(id)) !== null) return;
  await blobs.delete(sourceBlobKey(id));
  throw expiredDuringUpload();
}

/** Accepts the stored archive. @throws {SlipwayError} "conflict" when the body differs, possibly before it was received completely. */
async function acceptRepeated(
  { blobs, uploads }: UploadContext,
  id: string,
  request: Request,
): Promise<void> {
  const stored = await blobs.get(sourceBlobKey(id));
  if (stored === null) throw alreadyUploaded();
  await using bytes = stored.bytes;
  if (Number(request.get("content-length") ?? stored.sizeBytes) !== stored.sizeBytes) throw alreadyUploaded();
  const digest = await withDeadline((signal) => digestOf(body(request, uploads, signal), stored.sizeBytes), {
    limitMs: uploads.timeoutMs,
    error: () => tookTooLong(uploads),
  });
  if (digest !== (await digestOf(bytes, stored.sizeBytes))) throw alreadyUploaded();
}

/** @returns null when the body has more than `sizeBytes`. */
async function digestOf(bytes: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<string | null> {
  const hash = createHash("sha256");
  let left = sizeBytes;
  for await (const chunk of bytes) {
    left -= chunk.length;
    if (left < 0) return null;
    hash.update(chunk);
  }
  return hash.digest("hex");
}

/** Rejects an upload before its body is read, if its declared size exceeds the quota. The store checks the body's real size. */
async function checkDeclaredBytes(
  { store }: UploadContext,
  { ownerId, quotas }: OwnerQuotas,
  request: Request,
): Promise<void> {
  const declaredBytes = Number(request.get("content-length") ?? 1);
  const { sourceBytes } = await store.usage.of(ownerId);
  checkQuota(quotas, "sourceBytes", sourceBytes + declaredBytes);
}

async function completeSource(
  { sources }: UploadContext["store"],
  id: string,
  sizeBytes: number,
  { quotas }: OwnerQuotas,
): Promise<void> {
  if (await sources.complete(id, sizeBytes, quotas)) return;
  throw (await sources.get(id)) === null ? expiredDuringUpload() : alreadyUploaded();
}

/** An archive must not change after its upload, because it may already be deployed. */
function alreadyUploaded(): SlipwayError {
  return new SlipwayError("conflict", "the source already has an archive; create a new source");
}

function expiredDuringUpload(): SlipwayError {
  return new SlipwayError("expired", "the source expired during the upload; create a new one");
}

/** Streams the body into the blob store. */
async function storeBody(
  context: UploadContext,
  id: string,
  request: Request,
  quota: OwnerQuotas,
): Promise<void> {
  const { blobs, uploads } = context;
  const { maxSizeBytes, timeoutMs } = uploads;
  if (Number(request.get("content-length") ?? 0) > maxSizeBytes) {
    throw new SlipwayError(
      "too-large",
      `the archive is larger than ${mebibytesText(maxSizeBytes)}: leave out what the build does not need, or ask an operator to raise SOURCE_MAX_MB`,
    );
  }
  await withDeadline(
    (signal) =>
      blobs.put(sourceBlobKey(id), checkedBytes(context, id, request, { signal, quota }), {
        maxSizeBytes,
        signal,
      }),
    { limitMs: timeoutMs, error: () => tookTooLong(uploads) },
  );
}

/** Yields the body. Throws at its end, before the blob is stored, if it was empty or another upload finished first. */
async function* checkedBytes(
  { store, uploads }: UploadContext,
  id: string,
  request: Request,
  { signal, quota }: { readonly signal: AbortSignal; readonly quota: OwnerQuotas },
): AsyncGenerator<Uint8Array> {
  let sizeBytes = 0;
  for await (const chunk of body(request, uploads, signal)) {
    sizeBytes += chunk.length;
    yield chunk;
  }
  if (sizeBytes === 0) throw invalidField("archive", "is empty");
  await completeSource(store, id, sizeBytes, quota);
}

/** Yields the body. Throws when it is too slow. After an abort, throws only at its end, when the rest of the body was received. */
async function* body(
  request: Request,
  { pace }: UploadLimits,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  // Keeps the connection open, so that an error can still be answered.
  const bytes = request.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Uint8Array>;
  const error = (receivedBytes: number) =>
    new HttpProblem(
      408,
      `the upload sent less than ${pace.minBytes} bytes in ${pace.periodMs / 1000} s, after ${receivedBytes} bytes`,
    );
  yield* paced(bytes, { ...pace, error });
  signal.throwIfAborted();
}

function tookTooLong({ timeoutMs }: UploadLimits): HttpProblem {
  return new HttpProblem(408, `the upload took longer than ${timeoutMs / 1000} s`);
}
