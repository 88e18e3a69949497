// The RemoteImages port: reads an image of a registry that a user named, and checks its documents before anything is copied.

import { buffer } from "node:stream/consumers";
import { Readable } from "node:stream";
import { SlipwayError, formatImageReference, imageProcess, mebibytesText } from "@slipway/core";
import type { ImageReference, RemoteImage, RemoteImages, RemoteLayer } from "@slipway/core";
import { digestOf, ownPlatform } from "../base-image.ts";
import type { Descriptor } from "../base-image.ts";
import { documentTypes, isCompressed, readConfig, readDocument } from "./image-documents.ts";
import type { RemoteConfig, RemoteManifest } from "./image-documents.ts";
import { connectRemote } from "./remote-registry.ts";
import type { RemoteRegistry } from "./remote-registry.ts";

export interface RemoteImagesOptions {
  /** As in OpenUrlOptions. */
  readonly allowedPrivateHosts: readonly string[];
  /** Time limit for one document or layer. */
  readonly timeoutMs: number;
  /** Maximum size of an image: its layers as stored. */
  readonly maxImageBytes: number;
}

/** Maximum size of a manifest, as in most registries. */
const maxManifestBytes = 4 * 1024 * 1024;
const maxConfigBytes = 4 * 1024 * 1024;

/** Opens the images of registries that users name. */
export function openRemoteImages({ maxImageBytes, ...options }: RemoteImagesOptions): RemoteImages {
  return {
    async read(reference, login, signal) {
      const registry = connectRemote({ ...options, reference, login });
      try {
        return await readImage(registry, reference, maxImageBytes, signal);
      } catch (error) {
        throw named(reference, error);
      }
    },
  };
}

async function readImage(
  registry: RemoteRegistry,
  reference: ImageReference,
  maxImageBytes: number,
  signal: AbortSignal,
): Promise<RemoteImage> {
  const { digest, content, manifest } = await fetchManifest(registry, reference.digest, signal);
  const sizeBytes = manifest.layers.reduce((sum, { size }) => sum + size, manifest.config.size);
  if (sizeBytes > maxImageBytes) throw tooLarge(sizeBytes, maxImageBytes);
  const config = await fetchConfig(registry, manifest.config, signal);
  const read = readConfig(config);
  checkPlatform(read);
  return {
    host: reference.host,
    repository: reference.repository,
    digest,
    manifest: { mediaType: manifest.mediaType, content },
    config: { digest: manifest.config.digest, content: config },
    layers: layersOf(manifest, read),
    process: imageProcess(read.run),
    sizeBytes,
    open: ({ digest: layer, sizeBytes: size }, ended) =>
      registry.get(`blobs/${layer}`, {
        accept: ["*/*"],
        maxSizeBytes: size,
        tooLarge: () => failed(`the registry sends more of the layer ${layer} than its manifest states`),
        signal: ended,
      }),
  };
}

/** Follows an index to the manifest for this machine. */
async function fetchManifest(registry: RemoteRegistry, digest: string, signal: AbortSignal) {
  let wanted = digest;
  for (let documents = 0; documents < 2; documents += 1) {
    await using response = await registry.get(`manifests/${wanted}`, {
      accept: documentTypes,
      maxSizeBytes: maxManifestBytes,
      tooLarge: () => failed(`its manifest is larger than ${mebibytesText(maxManifestBytes)}`),
      signal,
    });
    const content = await buffer(Readable.from(response));
    checkDigest(content, wanted, "manifest");
    const [contentType = ""] = (response.headers["content-type"] ?? "").split(";", 1);
    const found = readDocument(content, contentType.trim(), ownPlatform);
    if (typeof found !== "string") return { digest: wanted, content, manifest: found };
    wanted = found;
  }
  throw failed("its index names another index instead of an image");
}

async function fetchConfig(
  registry: RemoteRegistry,
  { digest, size }: Descriptor,
  signal: AbortSignal,
): Promise<Buffer> {
  const tooLong = () => failed(`its configuration is larger than ${mebibytesText(maxConfigBytes)}`);
  if (size > maxConfigBytes) throw tooLong();
  await using response = await registry.get(`blobs/${digest}`, {
    accept: ["*/*"],
    maxSizeBytes: maxConfigBytes,
    tooLarge: tooLong,
    signal,
  });
  const content = await buffer(Readable.from(response));
  checkDigest(content, digest, "configuration");
  return content;
}

function checkDigest(content: Buffer, digest: string, what: string): void {
  if (digestOf(content) === digest) return;
  throw failed(`the registry returned another ${what} than the one with the digest ${digest}`);
}

function checkPlatform({ os, architecture }: RemoteConfig): void {
  if (os === ownPlatform.os && architecture === ownPlatform.architecture) return;
  throw failed(
    `it is for ${os || "no system"}/${architecture || "no architecture"}, and this installation runs images for ${ownPlatform.os}/${ownPlatform.architecture}`,
  );
}

function layersOf({ layers }: RemoteManifest, { diffIds }: RemoteConfig): readonly RemoteLayer[] {
  if (layers.length !== diffIds.length)
    throw failed(`its manifest has ${layers.length} layers, and its configuration ${diffIds.length}`);
  return layers.map((layer, index) => ({
    digest: layer.digest,
    diffId: diffIds[index] ?? "",
    isCompressed: isCompressed(layer),
    sizeBytes: layer.size,
  }));
}

/** Adds the image's name to errors that the image itself caused. */
function named(reference: ImageReference, error: unknown): unknown {
  if (!(error instanceof SlipwayError) || error.code !== "build-failed") return error;
  const message = `${formatImageReference(reference)} cannot be used: ${error.message}`;
  return new SlipwayError("build-failed", message, { cause: error.cause });
}

function tooLarge(sizeBytes: number, maxBytes: number): SlipwayError {
  const message = `the image has ${mebibytesText(sizeBytes, "up")} of compressed layers, more than the ${mebibytesText(maxBytes, "up")} allowed (IMAGE_MAX_MB)`;
  return new SlipwayError("image-too-large", message);
}

function failed(message: string): SlipwayError {
  return new SlipwayError("build-failed", message);
}
