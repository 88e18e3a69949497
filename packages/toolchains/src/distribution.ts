// Packages of the stack's distribution for a toolchain: the available versions, and layers that contain the packages.

import { createHash } from "node:crypto";
import { checkedEntries } from "@slipway/archive";
import { SlipwayError } from "@slipway/core";
import type { ByteStream } from "@slipway/core";
import { reasonOf, unavailable } from "./failures.ts";
import type { LayerPlan } from "./layer-plans.ts";
import type { PackageFile, PackageLink } from "./package-entries.ts";
import { PackageLists } from "./package-lists.ts";
import type { DistributionPackage, PackageListsOptions, PackageSets } from "./package-lists.ts";

/** Names of a toolchain's packages. Their dependencies are added, unless the stack has them. */
export interface PackageNames {
  readonly run: readonly string[];
  /** Packages for builds, in addition to those for releases. */
  readonly build: readonly string[];
}

/** Runs the distribution's package manager in containers of the stack's run image. */
export interface PackageContainers {
  /**
   * @returns a line for each package: `run` or `build`, name, version, SHA-256, URL. The distribution has signed the SHA-256.
   * @throws {SlipwayError} "toolchain-unavailable"; "configuration-invalid" when the stack has no package manager.
   */
  list(names: PackageNames, signal: AbortSignal): Promise<string>;
  /**
   * @param language the language whose packages are configured as their own scripts would; null for none.
   * @returns a tar of one folder with the files of the packages, with their paths below the root of an image.
   * @throws (while it is read) {SlipwayError} "toolchain-unavailable".
   */
  unpack(packages: readonly DistributionPackage[], language: string | null, signal: AbortSignal): ByteStream;
}

export interface DistributionOptions extends PackageListsOptions {
  /** Digest of the way in which packages are unpacked: another digest gives other layers. */
  readonly layout: string;
}

export interface Distribution {
  /**
   * The packages of a stack. They are listed once a day, and their versions stay the same in between.
   * @param stack digest of the stack's run image.
   * @throws {SlipwayError} the errors of `PackageContainers.list`.
   */
  packages(
    stack: string,
    names: PackageNames,
    containers: PackageContainers,
    signal: AbortSignal,
  ): Promise<PackageSets>;
  /** A layer with the packages. When it cannot be made, packages are listed again, since mirrors remove packages that have a successor. */
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

/** Omits folders: a layer creates those that contain something. */
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
