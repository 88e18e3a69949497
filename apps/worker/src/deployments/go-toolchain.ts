// The toolchain of Go apps: Go itself as a module version, from a module proxy.

import type { GoPlan } from "@slipway/buildpacks";
import type { BlobStore } from "@slipway/core";
import { architectureOf, goToolchains, openGoProxy, resolveGo } from "@slipway/toolchains";
import type { LanguageToolchain } from "./language-toolchains.ts";
import { combined } from "./toolchain-images.ts";
import type { EnsureImages } from "./toolchain-images.ts";

export interface GoToolchainOptions {
  /** URL of the module proxy. */
  readonly goProxy: string;
  /** The value of GOSUMDB. */
  readonly goChecksumDatabase: string;
  readonly blobs: BlobStore;
  readonly ensureImages: EnsureImages;
  readonly now: () => Date;
  readonly onError: (error: unknown, message: string) => void;
}

export function openGoToolchain(options: GoToolchainOptions): LanguageToolchain<GoPlan> {
  const { goProxy, goChecksumDatabase, blobs, now, onError } = options;
  const proxy = openGoProxy({
    url: goProxy,
    checksumDatabase: goChecksumDatabase,
    blobs,
    now,
    onError: (error) => onError(error, "the answers of Go's module proxy cannot be kept in the blob store"),
  });
  const parts = { proxy, architecture: architectureOf(process.arch) };
  return {
    choose: async (plan, signal) => {
      const choice = await resolveGo(parts, plan.go, signal);
      const [heading, ...reasons] = choice.lines;
      const toolchains = goToolchains(parts, choice);
      return {
        lines: [
          `-----> ${heading}`,
          ...reasons.map((reason) => `       ${reason}`),
          ...choice.warnings.map((warning) => ` !     ${warning}`),
        ],
        versions: { go: choice.version },
        toolchains,
        images: (imagesSignal, beside) => options.ensureImages(combined(toolchains, beside), imagesSignal),
      };
    },
  };
}
