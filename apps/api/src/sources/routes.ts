// /v1/sources: creates sources with signed URLs, and uploads and downloads their archives.

import { randomUUID } from "node:crypto";
import { pipeline } from "node:stream/promises";
import type { Request, Response } from "express";
import type { UrlSigner } from "@slipway/auth";
import { SlipwayError, invalidField, notFound, sourceBlobKey } from "@slipway/core";
import type { BlobStore, Source, Store } from "@slipway/core";
import { sourceAnswer, uploadedAnswer } from "@slipway/protocol";
import { route } from "../http/route.ts";
import type { Route } from "../http/route.ts";
import { archivePath, archiveRoute, presentSource } from "./source-url.ts";

const archiveType = "application/gzip";
const urlLifetimeMs = 10 * 60_000;
/** Closes connections that clients keep open without finishing the upload. */
const maxUploadMs = 60 * 60_000;

interface UploadContext {
  readonly store: Pick<Store, "sources">;
  readonly blobs: Pick<BlobStore, "delete" | "put">;
  readonly maxArchiveBytes: number;
}

export interface SourceContext extends UploadContext {
  readonly blobs: Pick<BlobStore, "delete" | "get" | "put">;
  readonly urlSigner: UrlSigner;
  readonly apiUrl: string;
  readonly now: () => Date;
}

export function sourceRoutes(context: SourceContext): Route[] {
  const { store, blobs, urlSigner, apiUrl, now } = context;
  return [
    route({
      method: "post",
      path: "/sources",
      summary: "Create a source, with an upload URL and a download URL that are valid for ten minutes",
      access: "account:use",
      answer: { status: 201, json: sourceAnswer },
      async handle({ user }) {
        const createdAt = now();
        const source: Source = {
          id: randomUUID(),
          ownerId: user.id,
          createdAt,
          expiresAt: new Date(createdAt.getTime() + urlLifetimeMs),
          sizeBytes: null,
        };
        await store.sources.create(source);
        return { source: presentSource(source, urlSigner, apiUrl) };
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
        checkSignature(urlSigner, "PUT", params.source, request);
        await uploadArchive(context, params.source, request);
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
        checkSignature(urlSigner, "GET", params.source, request);
        await sendArchive(blobs, params.source, response);
      },
    }),
  ];
}

/** The first upload to finish wins: it marks the source as complete just before its blob is stored. Nothing overwrites it. */
async function uploadArchive(context: UploadContext, id: string, request: Request): Promise<void> {
  const { store, blobs } = context;
  const source = await store.sources.get(id);
  if (source === null) throw notFound("source");
  if (source.sizeBytes !== null) throw alreadyUploaded();
  await storeBody(context, id, request);
  // Housekeeping may have deleted the source before its blob was stored.
  if ((await store.sources.get(id)) !== null) return;
  await blobs.delete(sourceBlobKey(id));
  throw expiredDuringUpload();
}

async function completeSource(
  { sources }: UploadContext["store"],
  id: string,
  sizeBytes: number,
): Promise<void> {
  if (await sources.complete(id, sizeBytes)) return;
  throw (await sources.get(id)) === null ? expiredDuringUpload() : alreadyUploaded();
}

/** An archive may already be deployed, so it must not change. */
function alreadyUploaded(): SlipwayError {
  return new SlipwayError("conflict", "the source already has an archive; create a new source");
}

function expiredDuringUpload(): SlipwayError {
  return new SlipwayError("expired", "the source expired during the upload; create a new one");
}

async function sendArchive(blobs: Pick<BlobStore, "get">, id: string, response: Response): Promise<void> {
  const blob = await blobs.get(sourceBlobKey(id));
  if (blob === null) throw notFound("source");
  response.set({ "Content-Type": archiveType, "Content-Length": String(blob.sizeBytes) });
  await using bytes = blob.bytes;
  await pipeline(bytes, response);
}

/** Streams the body into the blob store. */
async function storeBody(context: UploadContext, id: string, request: Request): Promise<void> {
  const { store, blobs, maxArchiveBytes: maxSizeBytes } = context;
  if (Number(request.get("content-length") ?? 0) > maxSizeBytes) {
    throw new SlipwayError("too-large", `the archive is larger than ${maxSizeBytes} bytes`);
  }
  const tooLong = new AbortController();
  const timer = setTimeout(() => {
    tooLong.abort(new SlipwayError("expired", "the upload took longer than an hour"));
  }, maxUploadMs);
  try {
    const bytes = checkedBytes(store, id, request);
    const limits = { maxSizeBytes, signal: tooLong.signal };
    await blobs.put(sourceBlobKey(id), bytes, limits);
  } finally {
    clearTimeout(timer);
  }
}

/** Yields the body. Throws at its end, before the blob is stored, if it was empty or another upload finished first. */
async function* checkedBytes(
  store: UploadContext["store"],
  id: string,
  request: Request,
): AsyncGenerator<Uint8Array> {
  // Keeps the connection open, so that an error can still be answered.
  const bytes = request.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Uint8Array>;
  let sizeBytes = 0;
  for await (const chunk of bytes) {
    sizeBytes += chunk.length;
    yield chunk;
  }
  if (sizeBytes === 0) throw invalidField("archive", "is empty");
  await completeSource(store, id, sizeBytes);
}

/** The only authentication of these routes: clients send no token here. */
function checkSignature(
  urlSigner: Pick<UrlSigner, "verify">,
  method: string,
  id: string,
  request: Request,
): void {
  const validity = urlSigner.verify(method, archivePath(id), request.query);
  if (validity === "expired") throw new SlipwayError("expired", "the URL has expired; create a new source");
  if (validity === "forged")
    throw new SlipwayError(
      "forbidden",
      "the URL has an invalid signature; use it as POST /v1/sources returned it",
    );
}
