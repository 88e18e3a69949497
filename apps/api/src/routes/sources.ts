// /v1/sources: a place to upload an archive to, and the signed URLs that take and give it.

import { randomUUID } from "node:crypto";
import { pipeline } from "node:stream/promises";
import type { Request, Response } from "express";
import { SlipwayError, invalidField, notFound, sourceBlobKey } from "@slipway/core";
import type { Source } from "@slipway/core";
import { sourceAnswer, uploadedAnswer } from "@slipway/protocol";
import type { Platform } from "../platform.ts";
import { route } from "../route.ts";
import type { Route } from "../route.ts";
import { archivePath, archiveRoute, presentSource } from "../source-url.ts";

const archiveType = "application/gzip";
const urlsHoldMs = 10 * 60_000;
/** A longer upload is no upload but somebody keeping a connection. */
const longestUploadMs = 60 * 60_000;

export function sourceRoutes(platform: Platform): Route[] {
  const { store, urlSigner, config, now } = platform;
  return [
    route({
      method: "post",
      path: "/sources",
      summary: "Get a place to upload an archive to; its URLs hold for ten minutes",
      access: "account:use",
      answer: { status: 201, json: sourceAnswer },
      async handle({ user }) {
        const createdAt = now();
        const source: Source = {
          id: randomUUID(),
          ownerId: user.id,
          createdAt,
          expiresAt: new Date(createdAt.getTime() + urlsHoldMs),
          sizeBytes: null,
        };
        await store.sources.create(source);
        return { source: presentSource(source, urlSigner, config.PUBLIC_API_URL) };
      },
    }),
    route({
      method: "put",
      path: archiveRoute,
      summary: "Upload the archive",
      access: "signed-url",
      upload: archiveType,
      answer: { status: 200, json: uploadedAnswer },
      problems: [409, 413, 422],
      async handle({ request, params }) {
        checkSignature(platform, "PUT", params.source, request);
        await takeUpload(platform, params.source, request);
        return {};
      },
    }),
    route({
      method: "get",
      path: archiveRoute,
      summary: "Download the archive",
      access: "signed-url",
      answer: { status: 200, type: archiveType },
      async handle({ request, response, params }) {
        checkSignature(platform, "GET", params.source, request);
        await giveArchive(platform, params.source, response);
      },
    }),
  ];
}

/** The place is taken at the upload's end, before its bytes are: of several at once one has it, and nothing replaces it. */
async function takeUpload(platform: Platform, id: string, request: Request): Promise<void> {
  const { store, blobs } = platform;
  const source = await store.sources.get(id);
  if (source === null) throw notFound("source");
  if (source.sizeBytes !== null) throw alreadyUploaded();
  await receive(platform, id, request);
  // Upkeep may have removed it before its bytes were there.
  if ((await store.sources.get(id)) !== null) return;
  await blobs.delete(sourceBlobKey(id));
  throw expiredMeanwhile();
}

async function takePlace({ store }: Platform, id: string, sizeBytes: number): Promise<void> {
  if (await store.sources.complete(id, sizeBytes)) return;
  throw (await store.sources.get(id)) === null ? expiredMeanwhile() : alreadyUploaded();
}

/** An archive that somebody may have deployed by now does not change any more. */
function alreadyUploaded(): SlipwayError {
  return new SlipwayError("conflict", "an archive was uploaded here already: create a source for another");
}

function expiredMeanwhile(): SlipwayError {
  return new SlipwayError("expired", "the URL expired during the upload");
}

async function giveArchive({ blobs }: Platform, id: string, response: Response): Promise<void> {
  const blob = await blobs.get(sourceBlobKey(id));
  if (blob === null) throw notFound("source");
  response.set({ "Content-Type": archiveType, "Content-Length": String(blob.sizeBytes) });
  await using bytes = blob.bytes;
  await pipeline(bytes, response);
}

/** Streams a body into the blob store. */
async function receive(platform: Platform, id: string, request: Request): Promise<void> {
  const { blobs, config } = platform;
  const maxSizeBytes = config.SOURCE_MAX_MB;
  if (Number(request.get("content-length") ?? 0) > maxSizeBytes) {
    throw new SlipwayError("too-large", `the archive is larger than ${maxSizeBytes} bytes`);
  }
  const tooLong = new AbortController();
  const timer = setTimeout(() => {
    tooLong.abort(new SlipwayError("expired", "the upload took too long"));
  }, longestUploadMs);
  try {
    const bytes = acceptable(platform, id, request);
    const limits = { maxSizeBytes, signal: tooLong.signal };
    await blobs.put(sourceBlobKey(id), bytes, limits);
  } finally {
    clearTimeout(timer);
  }
}

/** The body's bytes, which fail at their end, where nothing is kept yet, when there were none or another upload was faster. */
async function* acceptable(platform: Platform, id: string, request: Request): AsyncGenerator<Uint8Array> {
  // A refusal has still to be answered on the connection, so the request outlives its reader.
  const bytes = request.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Uint8Array>;
  let sizeBytes = 0;
  for await (const chunk of bytes) {
    sizeBytes += chunk.length;
    yield chunk;
  }
  if (sizeBytes === 0) throw invalidField("archive", "is empty");
  await takePlace(platform, id, sizeBytes);
}

/** The signature is all the authentication there is: clients send no other here. */
function checkSignature({ urlSigner }: Platform, method: string, id: string, request: Request): void {
  const worth = urlSigner.verify(method, archivePath(id), request.query);
  if (worth === "expired") throw new SlipwayError("expired", "the URL has expired");
  if (worth === "forged") throw new SlipwayError("forbidden", "the URL is not one that was given out");
}
