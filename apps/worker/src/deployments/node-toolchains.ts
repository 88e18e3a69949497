// The Node.js toolchains of apps: versions chosen by the worker, and images that contain them, one for builds and one for releases.

import { SlipwayError } from "@slipway/core";
import type { BlobStore, ImageRegistry } from "@slipway/core";
import { architectureOf, openNpmRegistry, openToolchains, resolveNode } from "@slipway/toolchains";
import type { NodeChoice, NodeWish } from "@slipway/toolchains";

export interface NodeImages {
  /** Reference of the image for builds: the stack, Node.js, npm and the headers of Node.js. */
  readonly build: string;
  /** Reference of the image for releases: the stack, Node.js and npm. */
  readonly run: string;
}

export interface NodeToolchains {
  /** @throws {SlipwayError} "build-failed" when the app's wish cannot be met; "toolchain-unavailable". */
  choose(wish: NodeWish, signal: AbortSignal): Promise<NodeChoice>;
  /** Finds or makes the images. @throws {SlipwayError} "toolchain-unavailable", "registry-unavailable". */
  images(choice: NodeChoice, signal: AbortSignal): Promise<NodeImages>;
}

export interface NodeToolchainOptions {
  /** URL of the npm registry; undefined when the operator has configured none. */
  readonly npmRegistry: string | undefined;
  readonly registry: ImageRegistry;
  readonly blobs: BlobStore;
  readonly stackImage: string;
  readonly now: () => Date;
  readonly onError: (error: unknown, message: string) => void;
}

/** For this time, images that were found or made are not looked up in the registry again. */
const recentMs = 10 * 60_000;

export function openNodeToolchains(options: NodeToolchainOptions): NodeToolchains {
  const { npmRegistry: url, registry, stackImage, now } = options;
  if (url === undefined) return { choose: rejectWithoutRegistry, images: rejectWithoutRegistry };
  const npm = openNpmRegistry({
    url,
    blobs: options.blobs,
    now,
    onError: (error) => options.onError(error, "the npm registry's answers cannot be kept in the blob store"),
  });
  const architecture = architectureOf(process.arch);
  const toolchains = openToolchains({ npm, registry, stackImage, architecture });
  const recent = new Map<string, { readonly images: NodeImages; readonly expiresAt: number }>();
  return {
    choose: (wish, signal) => resolveNode({ npm, now, architecture }, wish, signal),
    images: async ({ version: nodeVersion, npmVersion }, signal) => {
      const versions = { nodeVersion, npmVersion };
      const key = JSON.stringify(versions);
      const found = recent.get(key);
      const time = now().getTime();
      if (found !== undefined && time < found.expiresAt) return found.images;
      const [run, build] = await Promise.all([
        toolchains.ensure(versions, signal),
        toolchains.ensure({ ...versions, headers: true }, signal),
      ]);
      const images = { build: build.reference, run: run.reference };
      recent.set(key, { images, expiresAt: time + recentMs });
      return images;
    },
  };
}

async function rejectWithoutRegistry(): Promise<never> {
  throw new SlipwayError(
    "configuration-invalid",
    "No npm registry is configured, so there is no Node.js for apps: set BUILD_NPM_REGISTRY.",
  );
}
