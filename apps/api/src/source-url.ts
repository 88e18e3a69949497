// A source's own URLs: how they are made, and how a deployment's source_url is told from anybody else's.

import type { UrlSigner } from "@slipway/auth";
import { invalidField } from "@slipway/core";
import type { DeploymentSource, Source, User } from "@slipway/core";
import type { SourceAnswer } from "@slipway/protocol";
import type { Platform } from "./platform.ts";

/** Below /v1. */
export const archiveRoute = "/sources/:source/archive";

/** The path that signatures are over, whatever proxy stands before it. */
export function archivePath(sourceId: string): string {
  return `/v1/sources/${sourceId}/archive`;
}

export function presentSource(
  source: Source,
  signer: UrlSigner,
  publicApiUrl: string,
): SourceAnswer["source"] {
  const signed = (method: string) =>
    publicApiUrl + signer.sign(method, archivePath(source.id), source.expiresAt);
  return { upload_url: signed("PUT"), download_url: signed("GET") };
}

/**
 * Where a deployment's archive is.
 * @throws {SlipwayError} "invalid" naming source_url, when it is no URL to fetch, or one of ours that does not hold.
 */
export async function sourceAt(platform: Platform, user: User, text: string): Promise<DeploymentSource> {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) {
    throw invalidField("source_url", "must be an http:// or https:// URL of a gzipped tar archive");
  }
  const sourceId = ownSourceId(url, platform.config.PUBLIC_API_URL);
  return sourceId === null ? { kind: "url", url: url.href } : uploaded(platform, user, sourceId, url);
}

/** Whether the URL names that source, its signature left aside. */
export function namesSource(text: string, source: DeploymentSource, publicApiUrl: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (source.kind === "url") return url.href === source.url;
  return source.kind === "upload" && ownSourceId(url, publicApiUrl) === source.sourceId;
}

/** Empty for what lies below our sources and is none. */
function ownSourceId(url: URL, publicApiUrl: string): string | null {
  const base = new URL(publicApiUrl);
  const prefix = `${base.pathname.replace(/\/$/, "")}/v1/sources/`;
  if (url.origin !== base.origin || !url.pathname.startsWith(prefix)) return null;
  return /^([^/]+)\/archive$/.exec(url.pathname.slice(prefix.length))?.[1] ?? "";
}

async function uploaded(
  { store, urlSigner, now }: Platform,
  user: User,
  sourceId: string,
  url: URL,
): Promise<DeploymentSource> {
  const query = Object.fromEntries(url.searchParams);
  const worth = urlSigner.verify("GET", archivePath(sourceId), query);
  if (worth === "forged") throw invalidField("source_url", "is not a download URL as it was given out");
  const source = worth === "expired" ? null : await store.sources.get(sourceId);
  if (source === null || source.expiresAt <= now() || source.ownerId !== user.id) {
    throw invalidField("source_url", "has expired; upload the archive again");
  }
  if (source.sizeBytes === null) throw invalidField("source_url", "has no uploaded archive yet");
  return { kind: "upload", sourceId };
}
