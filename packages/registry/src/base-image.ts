// Reads a base image from the registry: its manifest and its configuration.

import { SlipwayError } from "@slipway/core";
import type { RegistryClient } from "./client.ts";

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
  };
  readonly rootfs: { readonly type: "layers"; readonly diff_ids: readonly string[] };
  readonly history?: readonly object[];
}

export interface BaseImage {
  readonly repository: string;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
}

export const mediaTypes = {
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociLayer: "application/vnd.oci.image.layer.v1.tar+gzip",
} as const;

const acceptedMediaTypes = [
  mediaTypes.dockerManifest,
  mediaTypes.ociManifest,
  mediaTypes.dockerIndex,
  mediaTypes.ociIndex,
].join(", ");
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/**
 * @param host the registry's host in references.
 * @throws {SlipwayError} "configuration-invalid" when the reference names another registry, or has no image for this machine's
 * architecture.
 */
export async function readBaseImage(
  client: RegistryClient,
  host: string,
  reference: string,
  signal: AbortSignal,
): Promise<BaseImage> {
  const { repository, version } = parseReference(host, reference);
  let found = await fetchManifest(client, repository, version, signal);
  if ("manifests" in found) {
    const architecture = architectures[process.arch] ?? process.arch;
    const matching = found.manifests.find(
      ({ platform }) => platform?.os === "linux" && platform.architecture === architecture,
    );
    if (matching === undefined) throw invalidBase(`${reference} has no image for linux/${architecture}`);
    found = await fetchManifest(client, repository, matching.digest, signal);
  }
  const manifest = found as Manifest;
  const response = await client.request("GET", `/v2/${repository}/blobs/${manifest.config.digest}`, {
    expect: [200],
    signal,
  });
  return { repository, manifest, config: (await response.json()) as ImageConfig };
}

async function fetchManifest(
  client: RegistryClient,
  repository: string,
  version: string,
  signal: AbortSignal,
): Promise<Manifest | Index> {
  const headers = { accept: acceptedMediaTypes };
  const response = await client.request("GET", `/v2/${repository}/manifests/${version}`, {
    headers,
    expect: [200, 404],
    signal,
  });
  if (response.status === 404) throw invalidBase(`the registry has no image ${repository}:${version}`);
  return (await response.json()) as Manifest | Index;
}

/** `host/repository:tag` or `host/repository@digest`. */
function parseReference(host: string, reference: string): { repository: string; version: string } {
  const match = /^([^/]+)\/([^:@]+)(?::([^@]+))?(?:@(.+))?$/.exec(reference);
  if (match === null || match[1] !== host)
    throw invalidBase(`the stack image ${reference} is not in the registry ${host}`);
  return { repository: match[2] ?? "", version: match[4] ?? match[3] ?? "latest" };
}

function invalidBase(message: string): SlipwayError {
  return new SlipwayError("configuration-invalid", message);
}
