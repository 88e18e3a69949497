// Reads an image from the registry: its manifest and its configuration.

import { createHash } from "node:crypto";
import { SlipwayError } from "@slipway/core";
import type { InspectOptions } from "@slipway/core";
import type { RegistryClient } from "./client.ts";
import type { ContentCache } from "./content-cache.ts";
import { requestUnlessEmpty } from "./empty-files.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Index {
  readonly manifests: readonly (Descriptor & { readonly platform?: { os: string; architecture: string } })[];
}

/** The fields of an image's configuration that are read or changed here; others are copied unchanged. */
export interface ImageConfig {
  readonly [field: string]: unknown;
  readonly config?: {
    readonly [field: string]: unknown;
    readonly Env?: readonly string[];
    readonly Labels?: Readonly<Record<string, string>> | null;
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly User?: string;
    readonly WorkingDir?: string;
  };
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly string[] };
  readonly history?: readonly object[];
}

export interface BaseImage {
  readonly repository: string;
  /** Digest of the manifest. */
  readonly digest: string;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
}

/** A registry, and the cache of its content. */
export interface ImageSource {
  readonly client: RegistryClient;
  /** The registry's host in image references. */
  readonly host: string;
  /** Configurations and manifests by digest. */
  readonly cache: ContentCache;
}

export const mediaTypes = {
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerPlainLayer: "application/vnd.docker.image.rootfs.diff.tar",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar+gzip",
  ociPlainLayer: "application/vnd.oci.image.layer.v1.tar",
} as const;

const acceptedMediaTypes = [
  mediaTypes.dockerManifest,
  mediaTypes.ociManifest,
  mediaTypes.dockerIndex,
  mediaTypes.ociIndex,
].join(", ");
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };
/** The platform that images must support to run here, in the spelling of Docker and OCI. */
export const ownPlatform = {
  os: "linux",
  architecture: architectures[process.arch] ?? process.arch,
} as const;

/**
 * Like `readImage`, for an image that must exist.
 * @throws {SlipwayError} "configuration-invalid", also when the registry does not have the image.
 */
export async function readBaseImage(
  source: ImageSource,
  reference: string,
  signal: AbortSignal,
): Promise<BaseImage> {
  const found = await readImage(source, reference, signal);
  if (found === null) throw invalidImage(`the registry ${source.host} has no image ${reference}`);
  return found;
}

/**
 * Always requests the manifest that the reference names, even by digest, because the registry may have deleted it; if it exists, the
 * documents to which it refers exist too, and may come from the cache.
 * @returns null when the registry does not have the image.
 * @throws {SlipwayError} "configuration-invalid" when the reference names another registry, or the image does not exist for this
 * machine's architecture.
 */
export async function readImage(
  source: ImageSource,
  reference: string,
  signal: AbortSignal,
  options: InspectOptions = {},
): Promise<BaseImage | null> {
  const { repository, version } = parseReference(source.host, reference);
  let found = await fetchManifest(source, repository, version, signal, options);
  if (found !== null && "manifests" in found.manifest) {
    const { os, architecture } = ownPlatform;
    const matching = found.manifest.manifests.find(
      ({ platform }) => platform?.os === os && platform.architecture === architecture,
    );
    if (matching === undefined) throw invalidImage(`${reference} has no image for ${os}/${architecture}`);
    found = await fetchNamed(source, repository, matching.digest, signal);
  }
  if (found === null) return null;
  const manifest = found.manifest as Manifest;
  const config = await fetchConfig(source, repository, manifest.config.digest, signal);
  return { repository, digest: found.digest, manifest, config };
}

async function fetchConfig(
  { client, host, cache }: ImageSource,
  repository: string,
  digest: string,
  signal: AbortSignal,
): Promise<ImageConfig> {
  let text = cache.get(digest);
  if (text === undefined) {
    const request = { expect: [200], signal };
    const response = await client.request("GET", `/v2/${repository}/blobs/${digest}`, request);
    const bytes = await response.bytes();
    if (digestOf(bytes) !== digest) {
      const mismatch = `the registry ${host} returned other content for the blob ${digest} of ${repository}`;
      throw new SlipwayError("registry-unavailable", mismatch);
    }
    text = bytes.toString("utf8");
    cache.set(digest, text);
  }
  return JSON.parse(text) as ImageConfig;
}

/** Fetches the manifest to which an index refers. */
async function fetchNamed(
  source: ImageSource,
  repository: string,
  digest: string,
  signal: AbortSignal,
): Promise<FoundManifest | null> {
  const text = source.cache.get(digest);
  if (text === undefined) return await fetchManifest(source, repository, digest, signal);
  return { digest, manifest: JSON.parse(text) as Manifest };
}

interface FoundManifest {
  readonly digest: string;
  readonly manifest: Manifest | Index;
}

async function fetchManifest(
  { client, cache }: ImageSource,
  repository: string,
  version: string,
  signal: AbortSignal,
  { isPushedIfAbsent = false }: InspectOptions = {},
): Promise<FoundManifest | null> {
  const request = { headers: { accept: acceptedMediaTypes }, signal };
  const path = `/v2/${repository}/manifests/${version}`;
  const response = isPushedIfAbsent
    ? await requestUnlessEmpty(client, "GET", path, request)
    : await client.request("GET", path, { ...request, expect: [200, 404] });
  if (response?.status !== 200) return null;
  const bytes = await response.bytes();
  const digest = digestOf(bytes);
  const text = bytes.toString("utf8");
  cache.set(digest, text);
  return { digest, manifest: JSON.parse(text) as Manifest | Index };
}

/** The digest of content, in the notation of registries. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** `host/repository:tag` or `host/repository@digest`. */
function parseReference(host: string, reference: string): { repository: string; version: string } {
  const match = /^([^/]+)\/([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(reference);
  if (match === null || match[1] !== host)
    throw invalidImage(`the image ${reference} is not in the registry ${host}`);
  return { repository: match[2] ?? "", version: match[4] ?? match[3] ?? "latest" };
}

function invalidImage(message: string): SlipwayError {
  return new SlipwayError("configuration-invalid", message);
}
