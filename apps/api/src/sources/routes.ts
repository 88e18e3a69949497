// /v1/sources: creates sources with signed URLs, and uploads and downloads their archives.

import { randomUUID } from "node:crypto";
import { pipeline } from "node:stream/promises";
import type { Request, Response } from "express";
import type { UrlSigner } from "@slipway/auth";
import { SlipwayError, notFound, sourceBlobKey } from "@slipway/core";
import type { BlobStore, Source } from "@slipway/core";
import { sourceAnswer, uploadedAnswer } from "@slipway/protocol";
import { route } from "../http/route.ts";
import { quotasOf } from "../users/quotas.ts";
import type { Route } from "../http/route.ts";
import { archivePath, archiveRoute, presentSource } from "./source-url.ts";
import { uploadArchive } from "./upload.ts";
import type { UploadContext } from "./upload.ts";

const archiveType = "application/gzip";
const urlLifetimeMs = 10 * 60_000;

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
        await store.sources.create(source, quotasOf(context, user));
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
      problems: [403, 408, 409, 413, 422],
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

async function sendArchive(blobs: Pick<BlobStore, "get">, id: string, response: Response): Promise<void> {
  const blob = await blobs.get(sourceBlobKey(id));
  if (blob === null) throw notFound("source");
  response.set({ "Content-Type": archiveType, "Content-Length": String(blob.sizeBytes) });
  await using bytes = blob.bytes;
  await pipeline(bytes, response);
}

/** The signature is the only authentication of these routes: clients send no token. */
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
