// /v1/sources: a place to upload an archive to, and the signed URLs that take and give it.

import { randomUUID } from "node:crypto";
import { pipeline } from "node:stream/promises";
import type { Request, RequestHandler, Router } from "express";
import { SlipwayError, notFound, sourceBlobKey } from "@slipway/core";
import type { Source } from "@slipway/core";
import type { SourceAnswer } from "@slipway/protocol";
import { userOf } from "../middleware/authentication.ts";
import type { Platform } from "../platform.ts";
import { archivePath, archiveRoute, presentSource } from "../source-url.ts";

const urlsHoldMs = 10 * 60_000;
/** A longer upload is no upload but somebody keeping a connection. */
const longestUploadMs = 60 * 60_000;

export function addSourceRoutes(router: Router, { store, urlSigner, config, now }: Platform): void {
  router.post("/sources", async (_request, response) => {
    const createdAt = now();
    const source: Source = {
      id: randomUUID(),
      ownerId: userOf(response).id,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + urlsHoldMs),
      sizeBytes: null,
    };
    await store.sources.create(source);
    const body = { source: presentSource(source, urlSigner, config.PUBLIC_API_URL) };
    response.status(201).json(body satisfies SourceAnswer);
  });
}

/** The signature is all the authentication there is: clients send no other here. */
export function addArchiveRoutes(router: Router, platform: Platform): void {
  const { store, blobs } = platform;

  // A second upload takes the first one's place, until the URL expires.
  router.put(archiveRoute, signed(platform, "PUT"), async (request, response) => {
    const id = request.params.source;
    if ((await store.sources.get(id)) === null) throw notFound("source");
    const sizeBytes = await receive(platform, sourceBlobKey(id), request);
    if (!(await store.sources.complete(id, sizeBytes))) {
      await blobs.delete(sourceBlobKey(id));
      throw new SlipwayError("expired", "the URL expired during the upload");
    }
    response.status(200).json({});
  });

  router.get(archiveRoute, signed(platform, "GET"), async (request, response) => {
    const blob = await blobs.get(sourceBlobKey(request.params.source));
    if (blob === null) throw notFound("source");
    response.set({ "Content-Type": "application/gzip", "Content-Length": String(blob.sizeBytes) });
    await pipeline(blob.bytes, response);
  });
}

/** Streams a body into the blob store. @returns its size in bytes. */
async function receive({ blobs, config }: Platform, key: string, request: Request): Promise<number> {
  const maxSizeBytes = config.SOURCE_MAX_MB;
  if (Number(request.get("content-length") ?? 0) > maxSizeBytes) {
    throw new SlipwayError("too-large", `the archive is larger than ${maxSizeBytes} bytes`);
  }
  const tooLong = new AbortController();
  const timer = setTimeout(() => {
    tooLong.abort(new SlipwayError("expired", "the upload took too long"));
  }, longestUploadMs);
  try {
    // A refusal has still to be answered on the connection, so the request outlives its reader.
    const bytes = request.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Uint8Array>;
    return (await blobs.put(key, bytes, { maxSizeBytes, signal: tooLong.signal })).sizeBytes;
  } finally {
    clearTimeout(timer);
  }
}

function signed({ urlSigner }: Platform, method: string): RequestHandler<{ source: string }> {
  return (request, _response, next) => {
    const worth = urlSigner.verify(method, archivePath(request.params.source), request.query);
    if (worth === "valid") next();
    else if (worth === "expired") next(new SlipwayError("expired", "the URL has expired"));
    else next(new SlipwayError("forbidden", "the URL is not one that was given out"));
  };
}
