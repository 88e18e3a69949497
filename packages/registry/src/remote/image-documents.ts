// Reads the manifest, the index and the configuration of an untrusted image: every field may be missing, or of another type.

import { SlipwayError } from "@slipway/core";
import type { RunConfig } from "@slipway/core";
import { mediaTypes } from "../base-image.ts";
import type { Descriptor } from "../base-image.ts";

export interface RemoteManifest {
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

export interface RemoteConfig {
  readonly os: string;
  readonly architecture: string;
  readonly diffIds: readonly string[];
  readonly run: RunConfig;
}

type Fields = Readonly<Record<string, unknown>>;

/** Engines cannot use more layers than this. */
const maxLayers = 125;
const digestPattern = /^sha256:[0-9a-f]{64}$/;
const manifests: ReadonlySet<string> = new Set([mediaTypes.dockerManifest, mediaTypes.ociManifest]);
const indexes: ReadonlySet<string> = new Set([mediaTypes.dockerIndex, mediaTypes.ociIndex]);
const configs: ReadonlySet<string> = new Set([mediaTypes.dockerConfig, mediaTypes.ociConfig]);
/** Supported media types of layers, with whether they are compressed. */
const layerTypes = new Map<string, boolean>([
  [mediaTypes.dockerLayer, true],
  [mediaTypes.ociLayer, true],
  [mediaTypes.dockerPlainLayer, false],
  [mediaTypes.ociPlainLayer, false],
]);

/** Media types of the supported documents. */
export const documentTypes = [...manifests, ...indexes];

/**
 * @param contentType the response's Content-Type, for a document that does not state its type.
 * @returns the manifest, or the digest of the manifest for this platform.
 * @throws {SlipwayError} "build-failed"
 */
export function readDocument(
  content: Buffer,
  contentType: string,
  platform: { readonly os: string; readonly architecture: string },
): RemoteManifest | string {
  const fields = fieldsOf(content, "manifest");
  const mediaType = textOf(fields["mediaType"]) || contentType;
  if (indexes.has(mediaType)) return matching(listOf(fields["manifests"]), platform);
  if (!manifests.has(mediaType))
    throw failed(
      `it is not an image: its manifest has the type ${quoted(mediaType)}. Only images of Docker (version 2) and OCI can be used`,
    );
  const config = descriptorOf(fields["config"]);
  if (!configs.has(config.mediaType))
    throw failed(`it is not an image, but a file of the type ${quoted(config.mediaType)}`);
  const layers = listOf(fields["layers"]).map(descriptorOf);
  if (layers.length > maxLayers) throw failed(`it has ${layers.length} layers, more than ${maxLayers}`);
  for (const layer of layers) isCompressed(layer);
  return { mediaType, config, layers };
}

/** @throws {SlipwayError} "build-failed" for a layer that engines cannot unpack, or that is not in the registry. */
export function isCompressed({ mediaType }: Pick<Descriptor, "mediaType">): boolean {
  const found = layerTypes.get(mediaType);
  if (found !== undefined) return found;
  throw failed(
    `a layer has the type ${quoted(mediaType)}, which not every engine can unpack. Push the image again with layers that are compressed by gzip`,
  );
}

/** @throws {SlipwayError} "build-failed" */
export function readConfig(content: Buffer): RemoteConfig {
  const fields = fieldsOf(content, "configuration");
  const rootfs = tableOf(fields["rootfs"]);
  return {
    os: textOf(fields["os"]),
    architecture: textOf(fields["architecture"]),
    diffIds: textsOf(rootfs["diff_ids"]),
    run: runConfigOf(tableOf(fields["config"])),
  };
}

function runConfigOf({
  Entrypoint,
  Cmd,
  ExposedPorts,
  User,
  WorkingDir,
  Labels,
  Volumes,
  Healthcheck,
  Shell,
}: Fields): RunConfig {
  // An engine would refuse the release's container, which would look like a failure of the platform.
  if (!/^(\/|$)/.test(textOf(WorkingDir)))
    throw failed(`its working directory ${quoted(textOf(WorkingDir))} is not an absolute path`);
  return {
    Entrypoint: typeof Entrypoint === "string" ? Entrypoint : textsOf(Entrypoint),
    Cmd: textsOf(Cmd),
    ExposedPorts: tableOf(ExposedPorts),
    User: textOf(User),
    Labels: Object.fromEntries(Object.entries(tableOf(Labels)).map(([name, value]) => [name, textOf(value)])),
    Volumes: tableOf(Volumes),
    Healthcheck: healthConfigOf(tableOf(Healthcheck)),
    ...(Shell === undefined ? {} : { Shell: textsOf(Shell) }),
  };
}

function healthConfigOf({ Test, Timeout }: Fields): NonNullable<RunConfig["Healthcheck"]> {
  return { Test: textsOf(Test), ...(typeof Timeout === "number" ? { Timeout } : {}) };
}

function matching(
  entries: readonly unknown[],
  wanted: { readonly os: string; readonly architecture: string },
): string {
  const platforms = entries.map((entry) => tableOf(tableOf(entry)["platform"]));
  const index = platforms.findIndex(
    ({ os, architecture }) => os === wanted.os && architecture === wanted.architecture,
  );
  if (index !== -1) return descriptorOf(entries[index]).digest;
  const known = platforms
    .map(({ os, architecture }) => `${textOf(os)}/${textOf(architecture)}`)
    .filter((name) => /^\w+\/\w+$/.test(name) && name !== "unknown/unknown");
  throw failed(
    `it has no image for ${wanted.os}/${wanted.architecture}, only for ${known.slice(0, 10).join(", ") || "no platform"}`,
  );
}

function descriptorOf(value: unknown): Descriptor {
  const { mediaType, digest, size, urls } = tableOf(value);
  if (urls !== undefined) throw failed("a part of it is not in the registry, but at other URLs");
  if (typeof digest !== "string" || !digestPattern.test(digest))
    throw failed("its manifest names a part without a digest of the kind sha256");
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
    throw failed("its manifest names a part without a size");
  return { mediaType: textOf(mediaType), digest, size };
}

function fieldsOf(content: Buffer, what: string): Fields {
  try {
    return tableOf(JSON.parse(content.toString("utf8")));
  } catch (error) {
    throw new SlipwayError("build-failed", `its ${what} is not JSON`, { cause: error });
  }
}

function tableOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textsOf(value: unknown): readonly string[] {
  return listOf(value).map(textOf);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

function failed(message: string): SlipwayError {
  return new SlipwayError("build-failed", message);
}
