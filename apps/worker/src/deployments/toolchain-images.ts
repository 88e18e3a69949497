// The two images with the toolchain of an app: one for builds and one for releases.

import type { ImageRegistry } from "@slipway/core";
import { openToolchains } from "@slipway/toolchains";
import type { Toolchain } from "@slipway/toolchains";

export interface ToolchainImages {
  /** Reference of the image for builds: the build stack and the programs that builds need. */
  readonly build: string;
  /** Reference of the image for releases: the run stack and the programs that processes need. */
  readonly run: string;
}

/** The toolchains that the images contain on top of the stack. */
export type ToolchainPair = { readonly [Name in keyof ToolchainImages]: Toolchain };

/** Finds or creates the images. @throws {SlipwayError} the errors of `Toolchains.ensure`. */
export type EnsureImages = (toolchains: ToolchainPair, signal: AbortSignal) => Promise<ToolchainImages>;

export interface ToolchainImageOptions {
  readonly registry: ImageRegistry;
  /** The base image of releases. */
  readonly stackImage: string;
  /** The base image of builds. */
  readonly stackBuildImage: string;
  readonly now: () => Date;
}

/** For this time, the registry is not asked again for images that were found or created. */
const recentMs = 10 * 60_000;

export function openToolchainImages(options: ToolchainImageOptions): EnsureImages {
  const { registry, now } = options;
  const runs = openToolchains({ registry, stackImage: options.stackImage });
  const builds = openToolchains({ registry, stackImage: options.stackBuildImage });
  const recent = new Map<string, { readonly images: ToolchainImages; readonly expiresAt: number }>();
  return async ({ build, run }, signal) => {
    const key = JSON.stringify([keyOf(build), keyOf(run)]);
    const found = recent.get(key);
    const time = now().getTime();
    if (found !== undefined && time < found.expiresAt) return found.images;
    // One after the other: a layer that both contain is created for the first, and found for the second.
    const runImage = await runs.ensure(run, signal);
    const buildImage = await builds.ensure(build, signal);
    const images = { build: buildImage.reference, run: runImage.reference };
    for (const [other, { expiresAt }] of recent) if (expiresAt <= time) recent.delete(other);
    recent.set(key, { images, expiresAt: time + recentMs });
    return images;
  };
}

/** @param beside the toolchain to add; null for none. */
export function combined(toolchains: ToolchainPair, beside: ToolchainPair | null): ToolchainPair {
  if (beside === null) return toolchains;
  const both = (name: keyof ToolchainImages): Toolchain => ({
    layers: [...toolchains[name].layers, ...beside[name].layers],
    path: [...toolchains[name].path, ...beside[name].path],
  });
  return { build: both("build"), run: both("run") };
}

function keyOf({ layers, path }: Toolchain): unknown {
  return [layers.map(({ key }) => key), path];
}
