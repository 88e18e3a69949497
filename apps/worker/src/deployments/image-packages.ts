// Lists the packages of images that bring a distribution of their own: those of Dockerfiles, of Cloud Native Buildpacks, and those that
// were made elsewhere. What they contain is hostile input: it is read in bounded memory, and never run.

import { posix } from "node:path";
import { SlipwayError } from "@slipway/core";
import type { ImageRegistry, StoredLayer } from "@slipway/core";
import {
  installedPackages,
  isPackageDatabase,
  lockedPackages,
  lockFileNames,
  lockLanguages,
  overlaid,
  readLayerFiles,
} from "@slipway/sbom";
import type { LayerFiles, LockedPackages } from "@slipway/sbom";

export interface ImagePackagesOptions {
  readonly registry: Pick<ImageRegistry, "forward" | "inspect">;
  /** Maximum size of a layer's tar. */
  readonly maxLayerBytes: number;
}

/** @returns the packages of an image; null when the image is gone, when a layer cannot be read, or when it lists none. */
export type ImagePackages = (reference: string, signal: AbortSignal) => Promise<LockedPackages | null>;

/** Of all chosen files of a layer. */
const maxFileBytes = 32 * 1024 ** 2;
/** Of the layers that are remembered, so that a deployment reads only what changed. */
const maxRememberedBytes = 32 * 1024 ** 2;

export function openImagePackages({ registry, maxLayerBytes }: ImagePackagesOptions): ImagePackages {
  const remembered = new RememberedLayers();
  return async (reference, signal) => {
    const image = await registry.inspect(reference, signal);
    if (image === null) return null;
    const folder = image.config.workingDir.replace(/^\/+/, "");
    const lockPaths = new Set(lockFileNames.map((name) => posix.join(folder, name)));
    const isChosen = (path: string) => isPackageDatabase(path) || lockPaths.has(path);
    const layers: LayerFiles[] = [];
    for (const layer of image.layers) {
      const key = `${layer.digest} ${folder}`;
      const files =
        remembered.get(key) ?? (await readLayer(registry, layer, { isChosen, maxLayerBytes, signal }));
      if (files === null) return null;
      remembered.set(key, files);
      layers.push(files);
    }
    return packagesIn(overlaid(layers), folder);
  };
}

/** That every package is listed cannot be known: others may have been copied into the image. */
function packagesIn(files: ReadonlyMap<string, Buffer>, folder: string): LockedPackages | null {
  const system = installedPackages(files);
  const locked = lockedPackages(lockLanguages, (name) => files.get(posix.join(folder, name)));
  const lockFiles = (locked?.files ?? []).map((name) => posix.join(folder, name));
  const packages = [...system.packages, ...(locked?.packages ?? [])];
  if (packages.length === 0) return null;
  return { files: [...system.files, ...lockFiles], packages, isComplete: false };
}

async function readLayer(
  registry: Pick<ImageRegistry, "forward">,
  { repository, digest }: StoredLayer,
  options: {
    readonly isChosen: (path: string) => boolean;
    readonly maxLayerBytes: number;
    readonly signal: AbortSignal;
  },
): Promise<LayerFiles | null> {
  const { isChosen, maxLayerBytes: maxUnpackedBytes, signal } = options;
  const request = { method: "GET", target: `/v2/${repository}/blobs/${digest}`, headers: {}, body: null };
  const { status, body } = await registry.forward(request, signal);
  await using bytes = body;
  if (status !== 200 || bytes === null)
    throw new SlipwayError(
      "registry-unavailable",
      `the registry answered ${status} to a request of the layer ${digest}`,
    );
  return await readLayerFiles(bytes, isChosen, { maxUnpackedBytes, maxFileBytes });
}

/** Keeps the layers that were used last. */
class RememberedLayers {
  /** In the order of their last use. */
  readonly #layers = new Map<string, LayerFiles>();
  #sizeBytes = 0;

  get(key: string): LayerFiles | undefined {
    return this.#layers.get(key);
  }

  set(key: string, layer: LayerFiles): void {
    if (this.#layers.delete(key)) this.#sizeBytes -= sizeOf(layer);
    this.#layers.set(key, layer);
    this.#sizeBytes += sizeOf(layer);
    for (const [oldest, removed] of this.#layers) {
      if (this.#sizeBytes <= maxRememberedBytes) return;
      this.#layers.delete(oldest);
      this.#sizeBytes -= sizeOf(removed);
    }
  }
}

/** With something for its names. */
function sizeOf({ files, removed, emptied }: LayerFiles): number {
  const contents = [...files.values()].reduce((sum, content) => sum + (content?.length ?? 0), 0);
  return contents + 200 * (1 + files.size + removed.length + emptied.length);
}
