// Adds an image's layers to its repository: uploads streams, and mounts layers from other repositories.

import { together } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type { ByteStream, ImagePush, StoredLayer } from "@slipway/core";
import type { Descriptor } from "./base-image.ts";
import type { RegistryClient } from "./client.ts";
import { closeStream } from "./close-stream.ts";
import { requestUnlessEmpty } from "./empty-files.ts";
import { uploadLayer, withDigest } from "./layer-upload.ts";

/** Uploads streams one after the other, and mounts stored layers at the same time. */
export async function addLayers(
  client: RegistryClient,
  repository: string,
  layers: ImagePush["layers"],
  signal: AbortSignal,
): Promise<StoredLayer[]> {
  const added: StoredLayer[] = [];
  const stored = [...layers.entries()].filter((entry): entry is [number, StoredLayer] => !isStream(entry[1]));
  const mount = async ([index, layer]: [number, StoredLayer], bounded: AbortSignal): Promise<void> => {
    const { digest, diffId, sizeBytes, repository: from } = layer;
    await mountLayer(client, from, repository, { digest, size: sizeBytes }, bounded);
    added[index] = { repository, digest, diffId, sizeBytes };
  };
  const upload = async (bounded: AbortSignal): Promise<void> => {
    for (const [index, layer] of layers.entries()) {
      if (!isStream(layer)) continue;
      added[index] = { repository, ...(await uploadLayer(client, repository, layer, bounded)) };
    }
  };
  await together(signal, (bounded) => [upload(bounded), ...stored.map((layer) => mount(layer, bounded))]);
  return added;
}

/** Closes the streams, read or not. Errors are ignored: the caller reports why the push failed. */
export async function closeLayers(layers: ImagePush["layers"]): Promise<void> {
  await Promise.allSettled(layers.filter(isStream).map(closeStream));
}

/** Adds a layer of another repository by mounting it, or by copying it if the registry cannot mount layers. */
export async function mountLayer(
  client: RegistryClient,
  from: string,
  to: string,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
  signal: AbortSignal,
): Promise<void> {
  if ((await requestUnlessEmpty(client, "HEAD", `/v2/${to}/blobs/${digest}`, { signal })) !== null) return;
  const mount = `/v2/${to}/blobs/uploads/?mount=${digest}&from=${encodeURIComponent(from)}`;
  const response = await client.request("POST", mount, { expect: [201, 202], signal });
  if (response.status === 201) return;
  // The registry opened an upload instead of mounting the layer, so the layer is copied.
  const streamed = { expect: [200], streamed: true, signal };
  const source = await client.request("GET", `/v2/${from}/blobs/${digest}`, streamed);
  const bytes = source.body();
  if (bytes === null)
    throw new SlipwayError(
      "registry-unavailable",
      `the registry returned no content for layer ${digest} of ${from}`,
    );
  const headers = { "content-type": "application/octet-stream", "content-length": String(size) };
  const location = withDigest(response.header("location") ?? "", digest);
  await client.request("PUT", location, { headers, body: bytes, expect: [201], signal });
}

function isStream(layer: ByteStream | StoredLayer): layer is ByteStream {
  return Symbol.asyncIterator in layer;
}
