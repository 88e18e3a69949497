// Toolchains that consist of packages of the stack's distribution, for any language.

import type { LanguagePlan } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { BlobStore, ImageRegistry } from "@slipway/core";
import { openDistribution } from "@slipway/toolchains";
import type { Distribution, PackageContainers, PackageNames, PackageSets } from "@slipway/toolchains";
import { Announcements } from "./announcements.ts";
import type { ChosenToolchain, LanguageToolchain } from "./language-toolchains.ts";
import { openPackageContainers } from "./package-containers.ts";
import type { PackageContainersOptions } from "./package-containers.ts";
import { combined } from "./toolchain-images.ts";
import type { EnsureImages, ToolchainPair } from "./toolchain-images.ts";

export interface PackagedToolchainOptions extends Omit<PackageContainersOptions, "announcements"> {
  readonly registry: Pick<ImageRegistry, "inspect">;
  readonly ensureImages: EnsureImages;
  readonly blobs: BlobStore;
  readonly onError: (error: unknown, message: string) => void;
}

export interface PackagedLanguage<P extends LanguagePlan> {
  readonly names: PackageNames;
  /** @throws {SlipwayError} "toolchain-unavailable" when a package that the language requires is missing. */
  readonly describe: (plan: P, sets: PackageSets) => Pick<ChosenToolchain, "lines" | "versions">;
  readonly toolchains: (
    parts: { readonly distribution: Distribution; readonly containers: PackageContainers },
    sets: PackageSets,
  ) => ToolchainPair;
}

export function openPackagedToolchain<P extends LanguagePlan>(
  options: PackagedToolchainOptions,
  { names, describe, ...language }: PackagedLanguage<P>,
): LanguageToolchain<P> {
  const { registry, stackImage, blobs, now } = options;
  const announcements = new Announcements();
  const { containers, layout } = openPackageContainers({ ...options, announcements });
  const distribution = openDistribution({
    blobs,
    now,
    layout,
    onError: (error) =>
      options.onError(
        error,
        "the packages of the stack's distribution cannot be listed or kept, so the previous list is used",
      ),
  });
  return {
    choose: async (plan, signal, work) => {
      const stack = await registry.inspect(stackImage, signal);
      if (stack === null)
        throw new SlipwayError("configuration-invalid", `The registry has no stack image ${stackImage}.`);
      using _listening = announcements.listen(work.say);
      const sets = await distribution.packages(stack.digest, names, containers, signal);
      const toolchains = language.toolchains({ distribution, containers }, sets);
      return {
        ...describe(plan, sets),
        toolchains,
        images: async (imagesSignal, beside) => {
          using _waiting = announcements.listen(work.say);
          return await options.ensureImages(combined(toolchains, beside), imagesSignal);
        },
      };
    },
  };
}
