// The ImageRegistry port over the OCI distribution API.

import { together } from "@slipway/async";
import type {
  ImagePush,
  ImageRegistry,
  InspectOptions,
  PushedImage,
  StoredImage,
  StoredLayer,
} from "@slipway/core";
import { digestOf, mediaTypes, readBaseImage, readImage } from "./base-image.ts";
import type { BaseImage, Descriptor, ImageConfig, ImageSource, Manifest } from "./base-image.ts";
import { failedStatus, RegistryClient } from "./client.ts";
import type { RegistryResponse } from "./response.ts";
import type { RegistryCredentials } from "./client.ts";
import { ContentCache } from "./content-cache.ts";
import { requestUnlessEmpty } from "./empty-files.ts";
import { forward } from "./forward.ts";
import { addLayers, closeLayers, mountLayer } from "./image-layers.ts";
import { openUpload, sendWhole } from "./layer-upload.ts";
import { copyContent, storeManifest } from "./remote/copy-image.ts";
import { putManifest } from "./put-manifest.ts";
import { attach, deleteReferrers, isReferrersTag } from "./referrers.ts";

export interface RegistryOptions {
  /** `http://` or `https://`, host and port; may contain a user name and password. */
  readonly url: string;
  readonly credentials?: RegistryCredentials;
  /** Host and port at which engines reach the registry, if they differ from the URL's. All image references contain them. */
  readonly pullHost?: string;
  /**
   * Runs each write, from its first request to its last: garbage collection of the registry must not run at the same time. Default: runs
   * the write at once.
   */
  readonly write?: <T>(work: () => Promise<T>, signal: AbortSignal, onHeld?: () => void) => Promise<T>;
}

/** All images have the same time, so that the same content has the same digest. */
const created = "1970-01-01T00:00:00Z";
const pingTimeoutMs = 5_000;
const manifestHeaders = { accept: `${mediaTypes.dockerManifest}, ${mediaTypes.ociManifest}` };
const attachLimitMs = 30_000;
const tagsPerPage = 1_000;
/** Maximum number of cached checks of layers from other registries: some 200 bytes each. */
const maxCheckedLayers = 2_000;

/** Opens the installation's registry. Connects with each request. */
export function openRegistry({
  url,
  credentials,
  pullHost,
  write = (work) => work(),
}: RegistryOptions): ImageRegistry {
  const client = new RegistryClient(url, credentials);
  const host = pullHost ?? client.host;
  const checkedLayers = new ContentCache(maxCheckedLayers);
  const source = { client, host, cache: new ContentCache(), checkedLayers };
  return {
    host,
    async push(image, signal) {
      try {
        return await write(() => push(source, image, signal), signal, image.onHeld);
      } catch (error) {
        await closeLayers(image.layers);
        throw error;
      }
    },
    inspect: (reference, signal, options) => inspect(source, reference, signal, options),
    copyContent: (image, copy, signal) => copyContent(source, image, copy, signal),
    store: (image, name, signal) => storeManifest(source, image, name, signal),
    attach: (repository, digest, artifact, signal) =>
      write(
        () => {
          // The time limit starts here, because the write may have to wait for minutes.
          const bounded = AbortSignal.any([signal, AbortSignal.timeout(attachLimitMs)]);
          return attach(client, { repository, digest }, artifact, bounded);
        },
        signal,
        artifact.onHeld,
      ),
    forward: (request, signal) => forward(client, request, signal),
    tags: (repository, signal) => tagsOf(client, repository, signal),
    digestOf: (repository, reference, signal) => storedDigest(client, repository, reference, signal),
    delete: (repository, reference, signal) =>
      write(() => deleteManifest(client, repository, reference, signal), signal),
    async ping() {
      await client.request("GET", "/v2/", { expect: [200, 401], signal: AbortSignal.timeout(pingTimeoutMs) });
    },
    // There is nothing to close: Node.js's own agent closes idle connections.
    async [Symbol.asyncDispose]() {},
  };
}

async function push(source: ImageSource, image: ImagePush, signal: AbortSignal): Promise<PushedImage> {
  const { client, host, cache } = source;
  const { repository, tag } = image;
  // The configuration is small and usually new, so it is uploaded without checking whether it exists.
  const [base, layers, location] = await together(signal, (bounded) => [
    addBase(source, image, bounded),
    addLayers(client, repository, image.layers, bounded),
    openUpload(client, repository, bounded),
  ]);
  const config = Buffer.from(JSON.stringify(configOver(base.config, layers, image)));
  const configDigest = digestOf(config);
  cache.set(configDigest, config.toString("utf8"));
  await sendWhole(client, location, config, configDigest, signal);
  const described = { digest: configDigest, size: config.length };
  const manifest = manifestOver(base, layers, described, image.annotations);
  const body = JSON.stringify(manifest);
  const digest = digestOf(Buffer.from(body));
  const mediaType = manifest.mediaType ?? mediaTypes.ociManifest;
  await putManifest(client, { repository, tag, mediaType, content: body, digest }, signal);
  const name = `${host}/${repository}`;
  const sizeBytes = config.length + manifest.layers.reduce((sum, { size }) => sum + size, 0);
  return { reference: `${name}:${tag}`, pinnedReference: `${name}@${digest}`, digest, sizeBytes, layers };
}

/** Reads the base image and adds its layers to the repository. */
async function addBase(
  source: ImageSource,
  { base: reference, repository }: ImagePush,
  signal: AbortSignal,
): Promise<BaseImage> {
  const base = await readBaseImage(source, reference, signal);
  await together(signal, (bounded) =>
    base.manifest.layers.map((layer) =>
      mountLayer(source.client, base.repository, repository, layer, bounded),
    ),
  );
  return base;
}

async function inspect(
  source: ImageSource,
  reference: string,
  signal: AbortSignal,
  options?: InspectOptions,
): Promise<StoredImage | null> {
  const found = await readImage(source, reference, signal, options);
  if (found === null) return null;
  const { repository, digest, manifest } = found;
  const { config = {}, rootfs } = found.config;
  const layers = manifest.layers.map(({ digest: layer, size }, index) => ({
    repository,
    digest: layer,
    diffId: rootfs.diff_ids[index] ?? "",
    sizeBytes: size,
  }));
  return {
    pinnedReference: `${source.host}/${repository}@${digest}`,
    digest,
    layers,
    config: {
      entrypoint: config.Entrypoint ?? [],
      command: config.Cmd ?? [],
      environment: Object.fromEntries((config.Env ?? []).map(splitVariable)),
      labels: config.Labels ?? {},
      user: config.User ?? "",
      workingDir: config.WorkingDir ?? "",
    },
    sizeBytes: layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, manifest.config.size),
  };
}

function splitVariable(entry: string): [name: string, value: string] {
  const end = entry.indexOf("=");
  return end === -1 ? [entry, ""] : [entry.slice(0, end), entry.slice(end + 1)];
}

function configOver(base: ImageConfig, layers: readonly StoredLayer[], { config }: ImagePush): ImageConfig {
  const environment = Object.entries(config.environment).map(([name, value]) => `${name}=${value}`);
  const overridden = new Set(Object.keys(config.environment));
  const kept = (base.config?.Env ?? []).filter(
    (entry) => !overridden.has(entry.slice(0, entry.indexOf("="))),
  );
  return {
    ...base,
    created,
    config: {
      ...base.config,
      Env: [...kept, ...environment],
      Labels: { ...base.config?.Labels, ...config.labels },
      Entrypoint: config.entrypoint,
      Cmd: config.command,
      User: config.user,
      WorkingDir: config.workingDir,
    },
    rootfs: { type: "layers", diff_ids: [...base.rootfs.diff_ids, ...layers.map(({ diffId }) => diffId)] },
    history: [...(base.history ?? []), ...layers.map(() => ({ created, created_by: "slipway" }))],
  };
}

/** Docker's manifests have no annotations. OCI's describe the same bytes with other media types. */
function manifestOver(
  { manifest }: BaseImage,
  layers: readonly StoredLayer[],
  config: { digest: string; size: number },
  annotations: ImagePush["annotations"],
): Manifest {
  const docker = manifest.mediaType === mediaTypes.dockerManifest && annotations === undefined;
  const ofLayers = docker ? mediaTypes.dockerLayer : mediaTypes.ociLayer;
  const typed = annotations === undefined ? manifest.layers : manifest.layers.map(ociDescriptor);
  const ofConfig = annotations === undefined ? manifest.config.mediaType : mediaTypes.ociConfig;
  return {
    schemaVersion: 2,
    mediaType: docker ? mediaTypes.dockerManifest : mediaTypes.ociManifest,
    config: { mediaType: ofConfig, ...config },
    layers: [
      ...typed,
      ...layers.map(({ digest, sizeBytes }) => ({ mediaType: ofLayers, digest, size: sizeBytes })),
    ],
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function ociDescriptor(layer: Descriptor): Descriptor {
  return layer.mediaType === mediaTypes.dockerLayer ? { ...layer, mediaType: mediaTypes.ociLayer } : layer;
}

async function tagsOf(
  client: RegistryClient,
  repository: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found: string[] = [];
  let page: string | undefined = `/v2/${repository}/tags/list?n=${tagsPerPage}`;
  while (page !== undefined) {
    const response: RegistryResponse = await client.request("GET", page, { expect: [200, 404], signal });
    if (response.status === 404) return [];
    // The list is null after all images of the repository were deleted.
    const { tags } = (await response.json()) as { tags: readonly string[] | null };
    found.push(...(tags ?? []).filter((tag) => !isReferrersTag(tag)));
    page = /^<([^>]+)>; *rel="?next"?/.exec(response.header("link") ?? "")?.[1];
  }
  return found;
}

async function storedDigest(
  client: RegistryClient,
  repository: string,
  reference: string,
  signal: AbortSignal,
): Promise<string | null> {
  const request = { headers: manifestHeaders, signal };
  const path = `/v2/${repository}/manifests/${reference}`;
  const found = isDigest(reference)
    ? await client.request("HEAD", path, { ...request, expect: [200, 404] })
    : await requestUnlessEmpty(client, "HEAD", path, request);
  return found?.status === 200 ? found.header("docker-content-digest") : null;
}

async function deleteManifest(
  client: RegistryClient,
  repository: string,
  reference: string,
  signal: AbortSignal,
): Promise<void> {
  const digest = await deletableDigest(client, repository, reference, signal);
  if (digest === null) return;
  // Deleted before the image: a later call still finds the image, and repeats steps that this one did not complete.
  await deleteReferrers(client, { repository, digest }, signal);
  await client.request("DELETE", `/v2/${repository}/manifests/${digest}`, { expect: [202, 404], signal });
}

/** The digest by which an image can be deleted. A tag with an empty file has none, so it is first replaced by an empty index. */
async function deletableDigest(
  client: RegistryClient,
  repository: string,
  reference: string,
  signal: AbortSignal,
): Promise<string | null> {
  const path = `/v2/${repository}/manifests/${reference}`;
  const request = { headers: manifestHeaders, expect: [200, 404], signal };
  try {
    const found = await client.request("HEAD", path, request);
    return found.status === 200 ? found.header("docker-content-digest") : null;
  } catch (error) {
    if (isDigest(reference) || failedStatus(error) !== 500) throw error;
    const body = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] });
    const headers = { "content-type": mediaTypes.ociIndex };
    await client.request("PUT", path, { headers, body, expect: [201], signal });
    return digestOf(Buffer.from(body));
  }
}

function isDigest(reference: string): boolean {
  return reference.includes(":");
}
