// The Node.js toolchains of apps: versions chosen by the worker, and images that contain them, one for builds and one for releases.

import type { NodePlan, PackageManagerWish } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { BlobStore, ImageRegistry } from "@slipway/core";
import {
  architectureOf,
  openNpmRegistry,
  openToolchains,
  resolveNode,
  resolvePackageManager,
} from "@slipway/toolchains";
import type { NodeChoice, NodeSources, PackageManagerChoice } from "@slipway/toolchains";

export interface NodeImages {
  /** Reference of the image for builds: the build stack, Node.js, npm, the app's package manager and the headers of Node.js. */
  readonly build: string;
  /** Reference of the image for releases: the run stack, the same layer with Node.js and npm, and a package manager that its processes call. */
  readonly run: string;
}

type ToolchainWish = Pick<NodePlan, "node" | "packageManager" | "startedPackageManager">;

export interface ToolchainChoice {
  readonly node: NodeChoice;
  /** What installs the dependencies; null for npm. */
  readonly packageManager: PackageManagerChoice | null;
  /** What the processes of releases call; null for npm or none. */
  readonly startedPackageManager: PackageManagerChoice | null;
}

export interface NodeToolchains {
  /** @throws {SlipwayError} "build-failed" when the app's wish cannot be met; "toolchain-unavailable". */
  choose(wish: ToolchainWish, signal: AbortSignal): Promise<ToolchainChoice>;
  /** Finds or makes the images. @throws {SlipwayError} "toolchain-unavailable", "registry-unavailable". */
  images(choice: ToolchainChoice, signal: AbortSignal): Promise<NodeImages>;
}

export interface NodeToolchainOptions {
  /** URL of the npm registry; undefined when the operator has configured none. */
  readonly npmRegistry: string | undefined;
  readonly registry: ImageRegistry;
  readonly blobs: BlobStore;
  /** The image that releases are made on. */
  readonly stackImage: string;
  /** The image that builds run on. */
  readonly stackBuildImage: string;
  readonly now: () => Date;
  readonly onError: (error: unknown, message: string) => void;
}

/** For this time, images that were found or made are not looked up in the registry again. */
const recentMs = 10 * 60_000;

export function openNodeToolchains(options: NodeToolchainOptions): NodeToolchains {
  const { npmRegistry: url, registry, now } = options;
  if (url === undefined) return { choose: rejectWithoutRegistry, images: rejectWithoutRegistry };
  const npm = openNpmRegistry({
    url,
    blobs: options.blobs,
    now,
    onError: (error) => options.onError(error, "the npm registry's answers cannot be kept in the blob store"),
  });
  const architecture = architectureOf(process.arch);
  const sources = { npm, now, architecture };
  const toolchainsOn = (stackImage: string) => openToolchains({ npm, registry, stackImage, architecture });
  const [runs, builds] = [toolchainsOn(options.stackImage), toolchainsOn(options.stackBuildImage)];
  const recent = new Map<string, { readonly images: NodeImages; readonly expiresAt: number }>();
  return {
    choose: (wish, signal) => choose(sources, wish, signal),
    images: async ({ node, packageManager, startedPackageManager }, signal) => {
      const versions = { nodeVersion: node.version, npmVersion: node.npmVersion, npmHash: node.npmHash };
      const build = { ...versions, headers: true, packageManager: packageManager ?? undefined };
      const run = { ...versions, packageManager: startedPackageManager ?? undefined };
      const key = JSON.stringify([build, run]);
      const found = recent.get(key);
      const time = now().getTime();
      if (found !== undefined && time < found.expiresAt) return found.images;
      // One after the other: the layer with Node.js is made for the first, and found for the second.
      const runImage = await runs.ensure(run, signal);
      const buildImage = await builds.ensure(build, signal);
      const images = { build: buildImage.reference, run: runImage.reference };
      recent.set(key, { images, expiresAt: time + recentMs });
      return images;
    },
  };
}

async function choose(
  sources: NodeSources,
  { node: nodeWish, packageManager: wish, startedPackageManager: startedWish }: ToolchainWish,
  signal: AbortSignal,
): Promise<ToolchainChoice> {
  const node = await resolveNode(sources, nodeWish, signal);
  const resolve = async (one: PackageManagerWish | null) =>
    one === null ? null : resolvePackageManager(sources, { ...one, nodeVersion: node.version }, signal);
  const packageManager = await resolve(wish);
  return {
    node,
    packageManager,
    startedPackageManager:
      startedWish?.name === wish?.name && startedWish !== null ? packageManager : await resolve(startedWish),
  };
}

async function rejectWithoutRegistry(): Promise<never> {
  throw new SlipwayError(
    "configuration-invalid",
    "No npm registry is configured, so there is no Node.js for apps: set BUILD_NPM_REGISTRY.",
  );
}
