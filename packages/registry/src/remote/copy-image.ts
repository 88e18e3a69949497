// Copies an image of another registry into this one by digest: its layers, its configuration, and then its unchanged manifest.

import { retry } from "@slipway/async";
import { isSameRegistry, SlipwayError } from "@slipway/core";
import type { ByteStream, ImageCopy, PushedImage, RemoteImage, RemoteLayer } from "@slipway/core";
import type { ImageSource } from "../base-image.ts";
import { requestUnlessEmpty } from "../empty-files.ts";
import { mountLayer } from "../image-layers.ts";
import { cancelUpload, openUpload, sendStream, uploadBlob } from "../layer-upload.ts";
import { checkedLayer } from "./checked-layer.ts";
import type { UnpackLimit } from "./checked-layer.ts";
import { putManifest } from "../put-manifest.ts";
import type { ContentCache } from "../content-cache.ts";

export interface CopyTarget extends ImageSource {
  /** Tar sizes of the layers that were checked, by the digests of layer and tar. */
  readonly checkedLayers: ContentCache;
}

interface LayerCopy {
  readonly image: RemoteImage;
  readonly copy: ImageCopy;
  readonly layer: RemoteLayer;
  readonly limit: UnpackLimit;
}

const maxAttempts = 3;
const retryDelayMs = 1_000;

/** @see ImageRegistry.copyContent */
export async function copyContent(
  target: CopyTarget,
  image: RemoteImage,
  copy: ImageCopy,
  signal: AbortSignal,
): Promise<void> {
  const maxBytes = copy.maxUnpackedBytes;
  let leftBytes = maxBytes;
  for (const [index, layer] of image.layers.entries()) {
    const request = { image, copy, layer, limit: { maxBytes, leftBytes } };
    // A layer whose connection broke is copied again from its start; checked layers are not.
    const { how, unpackedBytes } = await retry(() => copyLayer(target, request, signal), {
      attempts: maxAttempts,
      isRetryable: (error) => error instanceof SlipwayError && error.code === "source-unreachable",
      pauseMs: (failures) => retryDelayMs * failures,
      signal,
    });
    leftBytes -= unpackedBytes;
    copy.onLayer(layer, index, how);
  }
  const { digest, content } = image.config;
  await uploadBlob(target.client, copy.repository, content, digest, signal);
}

/** @see ImageRegistry.store */
export async function storeManifest(
  { client, host }: Pick<CopyTarget, "client" | "host">,
  { manifest: { mediaType, content }, digest, sizeBytes }: RemoteImage,
  { repository, tag }: { readonly repository: string; readonly tag: string },
  signal: AbortSignal,
): Promise<Omit<PushedImage, "layers">> {
  await putManifest(client, { repository, tag, mediaType, content, digest }, signal);
  const name = `${host}/${repository}`;
  return { reference: `${name}:${tag}`, pinnedReference: `${name}@${digest}`, digest, sizeBytes };
}

async function copyLayer(
  target: CopyTarget,
  request: LayerCopy,
  signal: AbortSignal,
): Promise<{ readonly how: "copied" | "present"; readonly unpackedBytes: number }> {
  const { client } = target;
  const { image, layer, copy } = request;
  const { repository } = copy;
  if (isInTarget(target, image) && image.repository !== repository) {
    const { digest, sizeBytes: size } = layer;
    await mountLayer(client, image.repository, repository, { digest, size }, signal);
  } else if (!(await hasBlob(target, repository, layer.digest, signal)))
    return { how: "copied", unpackedBytes: await upload(target, request, signal) };
  return { how: "present", unpackedBytes: await check(target, request, signal) };
}

/** Whether the image is in the target registry itself. */
function isInTarget({ host, client }: CopyTarget, image: RemoteImage): boolean {
  return [host, client.host].some((own) => isSameRegistry(own, image.host));
}

async function hasBlob(
  { client }: CopyTarget,
  repository: string,
  digest: string,
  signal: AbortSignal,
): Promise<boolean> {
  const path = `/v2/${repository}/blobs/${digest}`;
  return (await requestUnlessEmpty(client, "HEAD", path, { signal })) !== null;
}

/** Streams a layer from registry to registry. The upload is completed only if the layer is valid. */
async function upload(target: CopyTarget, request: LayerCopy, signal: AbortSignal): Promise<number> {
  const { client } = target;
  const { image, layer, copy } = request;
  await using source = await image.open(layer, signal);
  const checked = checkedLayer(reported(source, copy), layer, request.limit);
  const location = await openUpload(client, copy.repository, signal);
  try {
    await sendStream(client, location, { bytes: checked.bytes, digest: () => layer.digest }, signal);
  } catch (error) {
    await cancelUpload(client, location);
    throw checked.failure() ?? error;
  }
  return remember(target, layer, checked.unpackedBytes());
}

/** Checks a layer of this registry, unless this process has checked it before. */
async function check(target: CopyTarget, request: LayerCopy, signal: AbortSignal): Promise<number> {
  const { client, checkedLayers } = target;
  const { layer, copy, limit } = request;
  const known = Number(checkedLayers.get(keyOf(layer)) ?? Number.NaN);
  if (known <= limit.leftBytes) return known;
  const path = `/v2/${copy.repository}/blobs/${layer.digest}`;
  const response = await client.request("GET", path, { expect: [200], streamed: true, signal });
  const bytes = response.body();
  if (bytes === null)
    throw new SlipwayError(
      "registry-unavailable",
      `the registry returned no content for layer ${layer.digest}`,
    );
  const checked = checkedLayer(reported(bytes, copy), layer, limit);
  for await (const _chunk of checked.bytes);
  return remember(target, layer, checked.unpackedBytes());
}

function remember({ checkedLayers }: CopyTarget, layer: RemoteLayer, unpackedBytes: number): number {
  checkedLayers.set(keyOf(layer), String(unpackedBytes));
  return unpackedBytes;
}

function keyOf({ digest, diffId, isCompressed }: RemoteLayer): string {
  return `${digest} ${diffId} ${isCompressed}`;
}

async function* reported(bytes: ByteStream, { onProgress }: ImageCopy): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    onProgress();
    yield chunk;
  }
}
