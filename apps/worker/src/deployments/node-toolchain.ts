// The toolchain of Node.js apps: versions chosen by the worker from the npm registry.

import type { NodePlan, PackageManagerRequirement } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { BlobStore } from "@slipway/core";
import {
  architectureOf,
  nodeToolchain,
  openNpmRegistry,
  resolveNode,
  resolvePackageManager,
} from "@slipway/toolchains";
import type { NodeChoice, NodeSources, PackageManagerChoice } from "@slipway/toolchains";
import type { LanguageToolchain } from "./language-toolchains.ts";
import { combined } from "./toolchain-images.ts";
import type { EnsureImages } from "./toolchain-images.ts";

interface NodeVersions {
  readonly node: NodeChoice;
  /** The package manager that installs the dependencies; null for npm. */
  readonly packageManager: PackageManagerChoice | null;
  /** The package manager that processes of releases call; null for npm or none. */
  readonly startedPackageManager: PackageManagerChoice | null;
}

export interface NodeToolchainOptions {
  /** URL of the npm registry; undefined when the operator has configured none. */
  readonly npmRegistry: string | undefined;
  readonly blobs: BlobStore;
  readonly ensureImages: EnsureImages;
  readonly now: () => Date;
  readonly onError: (error: unknown, message: string) => void;
}

export function openNodeToolchain(options: NodeToolchainOptions): LanguageToolchain<NodePlan> {
  const { npmRegistry: url, blobs, now, onError } = options;
  if (url === undefined) return { choose: rejectWithoutRegistry };
  const npm = openNpmRegistry({
    url,
    blobs,
    now,
    onError: (error) => onError(error, "the npm registry's answers cannot be kept in the blob store"),
  });
  const sources = { npm, now, architecture: architectureOf(process.arch) };
  return {
    choose: async (plan, signal) => {
      const versions = await choose(sources, plan, signal);
      const { node, packageManager, startedPackageManager } = versions;
      const bare = { nodeVersion: node.version, npmVersion: node.npmVersion, npmHash: node.npmHash };
      const toolchains = {
        build: nodeToolchain(sources, {
          ...bare,
          headers: true,
          packageManager: packageManager ?? undefined,
        }),
        run: nodeToolchain(sources, { ...bare, packageManager: startedPackageManager ?? undefined }),
      };
      return {
        lines: linesOf(versions),
        versions: {
          node: node.version,
          [packageManager?.name ?? "npm"]: packageManager?.version ?? node.npmVersion,
        },
        toolchains,
        images: (imagesSignal, beside) => options.ensureImages(combined(toolchains, beside), imagesSignal),
      };
    },
  };
}

async function choose(
  sources: NodeSources,
  { node: nodeRequirement, packageManager: requirement, startedPackageManager: startedRequirement }: NodePlan,
  signal: AbortSignal,
): Promise<NodeVersions> {
  const node = await resolveNode(sources, nodeRequirement, signal);
  const resolve = async (one: PackageManagerRequirement | null) =>
    one === null ? null : resolvePackageManager(sources, { ...one, nodeVersion: node.version }, signal);
  const packageManager = await resolve(requirement);
  return {
    node,
    packageManager,
    startedPackageManager:
      startedRequirement?.name === requirement?.name && startedRequirement !== null
        ? packageManager
        : await resolve(startedRequirement),
  };
}

function linesOf({ node, packageManager, startedPackageManager }: NodeVersions): readonly string[] {
  const manager = packageManager ?? { name: "npm", version: node.npmVersion };
  const others = new Set([packageManager, startedPackageManager].filter((one) => one !== null));
  return [
    `-----> Using Node.js ${node.version} and ${manager.name} ${manager.version}`,
    ...[node, ...others].flatMap(explanationOf),
    ...(startedPackageManager === null
      ? []
      : [`       ${startedPackageManager.name} is part of the image, because the app's processes call it`]),
  ];
}

function explanationOf({ lines, warnings }: Pick<NodeChoice, "lines" | "warnings">): readonly string[] {
  const explained = lines.map((line) => `       ${line}`);
  return explained.concat(warnings.map((warning) => ` !     ${warning}`));
}

async function rejectWithoutRegistry(): Promise<never> {
  throw new SlipwayError(
    "configuration-invalid",
    "No npm registry is configured, so there is no Node.js for apps: set BUILD_NPM_REGISTRY.",
  );
}
