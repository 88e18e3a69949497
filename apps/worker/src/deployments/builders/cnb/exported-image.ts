// The manifest with which the lifecycle completes its export, and the annotations that the worker adds to it.

import { createHash } from "node:crypto";
import type { ByteStream } from "@slipway/core";

export interface ExportedImage {
  /** Digest of the annotated manifest. */
  readonly digest: string;
  /** Compressed size of configuration and layers as the manifest states them; null when it lists no layers, as an index of images does. */
  readonly sizeBytes: number | null;
}

/** A manifest as the registry receives it. */
export interface ExportedManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly image: ExportedImage;
}

export interface ManifestOptions {
  /** Value of the request's Content-Type header. */
  readonly mediaType: string;
  readonly annotations: Readonly<Record<string, string>>;
}

type Json = Readonly<Record<string, unknown>>;

/** Registries refuse larger manifests. */
const maxManifestBytes = 4 * 1024 ** 2;
const ociManifest = "application/vnd.oci.image.manifest.v1+json";
/** Docker's manifests have no annotations. OCI's describe the same bytes with other media types. */
const ociTypes: ReadonlyMap<unknown, string> = new Map([
  ["application/vnd.docker.distribution.manifest.v2+json", ociManifest],
  ["application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"],
  ["application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.oci.image.layer.v1.tar+gzip"],
  ["application/vnd.docker.image.rootfs.diff.tar", "application/vnd.oci.image.layer.v1.tar"],
]);

/** @returns null for a manifest that is larger than any manifest may be. */
export async function readManifest(
  body: ByteStream,
  { mediaType, annotations }: ManifestOptions,
): Promise<ExportedManifest | null> {
  const chunks: Uint8Array[] = [];
  let readBytes = 0;
  for await (const chunk of body) {
    readBytes += chunk.length;
    if (readBytes > maxManifestBytes) return null;
    chunks.push(chunk);
  }
  const given = Buffer.concat(chunks);
  const manifest = objectIn(given.toString("utf8"));
  const annotated = manifest === null ? null : annotate(manifest, mediaType, annotations);
  const bytes = annotated === null ? given : Buffer.from(JSON.stringify(annotated));
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const sizeBytes = manifest === null ? null : sizeOf(manifest);
  return { bytes, mediaType: annotated === null ? mediaType : ociManifest, image: { digest, sizeBytes } };
}

/** The build writes the manifest, so it may be anything. The registry refuses an invalid one. */
function objectIn(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function sizeOf(manifest: Json): number | null {
  const sizes = (partsOf(manifest) ?? [undefined]).map((part) => part?.["size"]);
  return sizes.every((size) => typeof size === "number" && size >= 0)
    ? sizes.reduce<number>((sum, size) => sum + Number(size), 0)
    : null;
}

/** @returns null for a manifest of another kind, which stays as it is. */
function annotate(manifest: Json, mediaType: string, annotations: Json): Json | null {
  const parts = partsOf(manifest)?.map(ociDescriptor);
  if (ociType(manifest["mediaType"] ?? mediaType) !== ociManifest || parts === undefined) return null;
  const [config, ...layers] = parts;
  if (parts.includes(null)) return null;
  const own = isObject(manifest["annotations"]) ? manifest["annotations"] : {};
  return { ...manifest, mediaType: ociManifest, config, layers, annotations: { ...own, ...annotations } };
}

function ociDescriptor(part: Json | null): Json | null {
  const mediaType = ociType(part?.["mediaType"]);
  return mediaType === null ? null : { ...part, mediaType };
}

/** @returns null for a type that OCI's manifests do not have. */
function ociType(mediaType: unknown): string | null {
  if (typeof mediaType === "string" && mediaType.startsWith("application/vnd.oci.image.")) return mediaType;
  return ociTypes.get(mediaType) ?? null;
}

/** @returns the configuration and the layers, null for each that is no object; null when it has no list of layers. */
function partsOf({ config, layers }: Json): readonly (Json | null)[] | null {
  if (!Array.isArray(layers)) return null;
  return [config, ...(layers as readonly unknown[])].map((part) => (isObject(part) ? part : null));
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
