// Lists the packages of images that contain their own distribution: images of Dockerfiles, of Cloud Native Buildpacks, and images that were
// built elsewhere. Their content is hostile input: it is read in bounded memory, and never run.

import { posix } from "node:path";
import { controlFiles } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { ImageRegistry, StoredLayer } from "@slipway/core";
import { lockedPackages, lockFileNames, lockLanguages, maxPackages } from "@slipway/lock-files";
import type { LockedPackages } from "@slipway/lock-files";
import {
  databaseSizeLimit,
  ImageFiles,
  installedPackages,
  readLayerFiles,
  UnreadableImage,
} from "@slipway/sbom";
import type { Choose, LayerFiles } from "@slipway/sbom";
import type { Logger } from "@slipway/service";

export interface ImagePackagesOptions {
  readonly registry: Pick<ImageRegistry, "forward" | "inspect">;
  /** Maximum size of a layer's tar. */
  readonly maxLayerBytes: number;
  readonly logger: Pick<Logger, "info">;
}

/**
 * @returns the packages of an image; null when the image is gone, when it cannot be read, which is logged, or when it lists no packages.
 */
export type ImagePackages = (reference: string, signal: AbortSignal) => Promise<LockedPackages | null>;

/**
 * Limits of the data read from one image. Large images need a tenth of it: dpkg's list has about 1 MiB, in each layer that installs
 * packages.
 */
const budget = { bytes: 32 * 1024 ** 2, paths: 100_000 };
/** Maximum size of the remembered layers. With them, a deployment reads only changed layers. */
const maxRememberedBytes = 32 * 1024 ** 2;
/** Longer than any path that Linux can open. */
const maxFolderLength = 4_096;
/** Lock files in an image have the same limits as lock files in a source. */
const lockFileLimits = controlFiles("");

export function openImagePackages(options: ImagePackagesOptions): ImagePackages {
  const remembered = new RememberedLayers();
  return async (reference, signal) => {
    try {
      return await listPackages(options, remembered, { reference, signal });
    } catch (error) {
      if (!(error instanceof UnreadableImage)) throw error;
      options.logger.info(
        { image: reference, reason: error.message },
        "the packages of an image are not listed",
      );
      return null;
    }
  };
}

/** @throws {UnreadableImage} for an image that is damaged, or exceeds a limit. */
async function listPackages(
  { registry, maxLayerBytes: maxUnpackedBytes }: ImagePackagesOptions,
  remembered: RememberedLayers,
  { reference, signal }: { readonly reference: string; readonly signal: AbortSignal },
): Promise<LockedPackages | null> {
  const stored = await registry.inspect(reference, signal);
  if (stored === null) return null;
  const folder = stored.config.workingDir.replace(/^\/+/, "");
  if (folder.length > maxFolderLength)
    throw new UnreadableImage(`its working directory has more than ${maxFolderLength} characters`);
  const choose = chosenIn(folder);
  const image = new ImageFiles(budget);
  for (const layer of stored.layers) {
    const key = `${layer.digest} ${folder}`;
    const limits = { maxUnpackedBytes, budget: image.left };
    const files = remembered.get(key) ?? (await readLayer(registry, layer, { choose, limits, signal }));
    image.add(files);
    remembered.set(key, files);
  }
  return packagesIn(image.files, folder);
}

/** Chooses the package lists of distributions, and the lock files in this folder. */
function chosenIn(folder: string): Choose {
  const limits = new Map(
    lockFileNames.map((name) => [posix.join(folder, name), lockFileLimits.get(name)] as const),
  );
  return (path) => databaseSizeLimit(path) ?? limits.get(path);
}

/** The list never counts as complete: other packages may have been copied into the image. */
function packagesIn(files: ReadonlyMap<string, Buffer>, folder: string): LockedPackages | null {
  const system = installedPackages(files);
  const locked = lockedPackages(lockLanguages, (name) => files.get(posix.join(folder, name)));
  const lockFiles = (locked?.files ?? []).map((name) => posix.join(folder, name));
  const packages = [...system.packages, ...(locked?.packages ?? [])];
  if (packages.length === 0) return null;
  if (packages.length > maxPackages) throw new UnreadableImage(`it lists more than ${maxPackages} packages`);
  return { files: [...system.files, ...lockFiles], packages, isComplete: false };
}

async function readLayer(
  registry: Pick<ImageRegistry, "forward">,
  { repository, digest }: StoredLayer,
  options: {
    readonly choose: Choose;
    readonly limits: Parameters<typeof readLayerFiles>[2];
    readonly signal: AbortSignal;
  },
): Promise<LayerFiles> {
  const { choose, limits, signal } = options;
  const request = { method: "GET", target: `/v2/${repository}/blobs/${digest}`, headers: {}, body: null };
  const { status, body } = await registry.forward(request, signal);
  await using bytes = body;
  if (status !== 200 || bytes === null)
    throw new SlipwayError(
      "registry-unavailable",
      `the registry answered ${status} to a request of the layer ${digest}`,
    );
  return await readLayerFiles(bytes, choose, limits);
}

/** Remembers the layers that were used last. */
class RememberedLayers {
  /** The layers, ordered by last use. */
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

/** The size of a layer's files, plus an estimate for each map entry. */
function sizeOf({ taken }: LayerFiles): number {
  return taken.bytes + 200 * (1 + taken.paths);
}
