// Signed URLs of uploaded sources: creates them, and recognizes them in a deployment's source_url.

import type { UrlSigner } from "@slipway/auth";
import { invalidField } from "@slipway/core";
import type { DeploymentSource, Source, Store, User } from "@slipway/core";
import type { SourceAnswer } from "@slipway/protocol";

export interface SourceUrlContext {
  readonly store: Pick<Store, "sources">;
  readonly urlSigner: Pick<UrlSigner, "verify">;
  readonly apiUrl: string;
  readonly now: () => Date;
}

/** The route's path below /v1. */
export const archiveRoute = "/sources/:source/archive";

/** The path that URL signatures cover, without any prefix that a proxy adds. */
export function archivePath(sourceId: string): string {
  return `/v1/sources/${sourceId}/archive`;
}

/** A source with its signed URLs. */
export function presentSource(
  source: Source,
  signer: Pick<UrlSigner, "sign">,
  apiUrl: string,
): SourceAnswer["source"] {
  const signed = (method: string) => apiUrl + signer.sign(method, archivePath(source.id), source.expiresAt);
  return { upload_url: signed("PUT"), download_url: signed("GET") };
}

/**
 * Parses the source_url of a deployment.
 * @throws {SlipwayError} "invalid" naming source_url, if it is not an HTTP URL, or is an invalid or expired download URL of Slipway.
 */
export async function parseSourceUrl(
  context: SourceUrlContext,
  user: User,
  text: string,
): Promise<DeploymentSource> {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw invalidField("source_url", "must be an http:// or https:// URL of a gzipped tar archive");
  }
  const sourceId = ownSourceId(url, context.apiUrl);
  return sourceId === null ? { kind: "url", url: url.href } : uploadedSource(context, user, sourceId, url);
}

/** Whether the URL names the source; ignores its signature. */
export function namesSource(text: string, source: DeploymentSource, apiUrl: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (source.kind === "url") return url.href === source.url;
  return source.kind === "upload" && ownSourceId(url, apiUrl) === source.sourceId;
}

/** The source id in one of this API's download URLs: null for any other URL, empty for other paths below /v1/sources. */
function ownSourceId(url: URL, apiUrl: string): string | null {
  const base = new URL(apiUrl);
  const prefix = `${base.pathname.replace(/\/$/, "")}/v1/sources/`;
  if (url.origin !== base.origin || !url.pathname.startsWith(prefix)) return null;
  return /^([^/]+)\/archive$/.exec(url.pathname.slice(prefix.length))?.[1] ?? "";
}

async function uploadedSource(
  { store, urlSigner, now }: Omit<SourceUrlContext, "apiUrl">,
  user: User,
  sourceId: string,
  url: URL,
): Promise<DeploymentSource> {
  const query = Object.fromEntries(url.searchParams);
  const validity = urlSigner.verify("GET", archivePath(sourceId), query);
  if (validity === "forged")
    throw invalidField(
      "source_url",
      "has an invalid signature; use download_url as POST /v1/sources returned it",
    );
  const source = validity === "expired" ? null : await store.sources.get(sourceId);
  if (source === null || source.expiresAt <= now() || source.ownerId !== user.id) {
    throw invalidField("source_url", "has expired; upload the archive again");
  }
  if (source.sizeBytes === null) throw invalidField("source_url", "has no uploaded archive yet");
  return { kind: "upload", sourceId };
}
