// Packages of the stack's distribution for a toolchain: which versions there are, and layers that contain them.

import { createHash } from "node:crypto";
import { checkedEntries } from "@slipway/archive";
import { SlipwayError } from "@slipway/core";
import type { ByteStream } from "@slipway/core";
import { reasonOf, unavailable } from "./failures.ts";
import type { LayerPlan } from "./layer-plans.ts";
import type { PackageFile, PackageLink } from "./package-entries.ts";
import { PackageLists } from "./package-lists.ts";
import type { DistributionPackage, PackageListsOptions, PackageSets } from "./package-lists.ts";

/** Names of packages of which a toolchain consists. What they depend on is added, as far as the stack lacks it. */
export interface PackageNames {
  readonly run: readonly string[];
  /** Packages of builds, in addition to those of releases. */
  readonly build: readonly string[];
}

/** Containers of the stack's run image in which the distribution's package manager runs. */
export interface PackageContainers {
  /**
   * @returns a line for each package: `run` or `build`, name, version, SHA-256, URL. The distribution has signed the SHA-256.
   * @throws {SlipwayError} "toolchain-unavailable"; "configuration-invalid" when the stack has no package manager.
   */
  list(names: PackageNames, signal: AbortSignal): Promise<string>;
  /**
   * @param language whose packages are configured as their own scripts would do it; null for none.
   * @returns a tar of one folder with the files of the packages, as they are below the root of an image.
   * @throws (while it is read) {SlipwayError} "toolchain-unavailable".
   */
  unpack(packages: readonly DistributionPackage[], language: string | null, signal: AbortSignal): ByteStream;
}

export interface DistributionOptions extends PackageListsOptions {
  /** Digest of how packages are unpacked: another one gives other layers. */
  readonly layout: string;
}

export interface Distribution {
  /**
   * The packages of a stack. They are listed once a day: until then the versions stay the same.
   * @param stack digest of its run image.
   * @throws {SlipwayError} those of `PackageContainers.list`.
   */
  packages(
    stack: string,
    names: PackageNames,
    containers: PackageContainers,
    signal: AbortSignal,
  ): Promise<PackageSets>;
  /** A layer with the packages. A failure to make it causes a new list, since a mirror removes packages that have a successor. */
  layer(
    packages: readonly DistributionPackage[],
    options: { readonly language: string | null; readonly containers: PackageContainers },
  ): LayerPlan;
}

const limits = { maxUnpackedBytes: 4 * 1024 ** 3, maxEntries: 200_000 };

/** Opens the packages of the stacks' distribution. */
export function openDistribution({ layout, ...options }: DistributionOptions): Distribution {
  const lists = new PackageLists(options);
  return {
    packages: (stack, names, containers, signal) =>
      lists.get(JSON.stringify([stack, names]), (listSignal) => containers.list(names, listSignal), signal),
    layer: (packages, { language, containers }) => {
      const contents = packages.map(({ name, sha256 }) => `${name} ${sha256}`);
      return {
        key: `packages ${language ?? ""} ${digestOf([layout, ...contents])}`,
        parts: [
          {
            files: (signal) =>
              unpacked(containers.unpack(packages, language, signal), async () => {
                if (!signal.aborted) await lists.outdate();
              }),
            place: (path) => path,
          },
        ],
        links: [],
      };
    },
  };
}

/** Folders are left out: a layer has those that contain something. */
async function* unpacked(
  tar: ByteStream,
  onFailure: () => Promise<void>,
): AsyncGenerator<PackageFile | PackageLink> {
  try {
    for await (const entry of checkedEntries(tar, limits, (_path, target) => target)) {
      const { kind, path } = entry;
      if (kind === "hardlink") throw unavailable(`The packages contain a hard link, ${path}.`);
      if (kind === "symlink") yield { path, symlinkTo: entry.target };
      else if (kind === "file") {
        const { sizeBytes, body } = entry;
        yield { path, isExecutable: (entry.mode & 0o111) !== 0, sizeBytes, body };
      }
    }
  } catch (error) {
    await onFailure();
    if (error instanceof SlipwayError && error.code.startsWith("archive-"))
      throw unavailable(`The unpacked packages cannot be read: ${reasonOf(error)}`, error);
    throw error;
  }
}

function digestOf(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
