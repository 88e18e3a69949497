// The toolchain of PHP apps: PHP with its extensions and Composer, as the stack's distribution has them.

import { launchFiles } from "@slipway/buildpacks";
import type { PhpPlan } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { BlobStore, ImageRegistry } from "@slipway/core";
import { openDistribution, phpPackages, phpToolchains, phpVersions } from "@slipway/toolchains";
import type { LanguageToolchain } from "./language-toolchains.ts";
import { openPackageContainers } from "./package-containers.ts";
import type { PackageContainersOptions } from "./package-containers.ts";
import type { EnsureImages } from "./toolchain-images.ts";

export interface PhpToolchainOptions extends PackageContainersOptions {
  readonly registry: Pick<ImageRegistry, "inspect">;
  readonly ensureImages: EnsureImages;
  readonly blobs: BlobStore;
  readonly now: () => Date;
  readonly onError: (error: unknown, message: string) => void;
}

export function openPhpToolchain(options: PhpToolchainOptions): LanguageToolchain<PhpPlan> {
  const { registry, stackImage, blobs, now } = options;
  const packageContainers = openPackageContainers(options);
  const distribution = openDistribution({
    blobs,
    now,
    layout: packageContainers.layout,
    onError: (error) =>
      options.onError(
        error,
        "the packages of the stack's distribution cannot be listed or kept, so the list of before is used",
      ),
  });
  const server = launchFiles("php");
  return {
    choose: async (plan, signal, work) => {
      const stack = await registry.inspect(stackImage, signal);
      if (stack === null)
        throw new SlipwayError("configuration-invalid", `The registry has no stack image ${stackImage}.`);
      const containers = packageContainers.of(work);
      const sets = await distribution.packages(stack.digest, phpPackages, containers, signal);
      const versions = phpVersions(sets);
      return {
        lines: [
          `-----> Using PHP ${versions.php} and Composer ${versions.composer} of the stack's distribution`,
          `       The folder that is served is ${plan.root === "." ? "the app itself" : plan.root}`,
        ],
        versions,
        images: (imagesSignal) =>
          options.ensureImages(phpToolchains({ distribution, containers }, sets, server), imagesSignal),
      };
    },
  };
}
