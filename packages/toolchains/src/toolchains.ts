// Toolchain images: the stack with Node.js, npm and a package manager as layers, made once per installation.

import { hash } from "node:crypto";
import type { PackageHash } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import type { ImageRegistry, StoredImage, StoredLayer } from "@slipway/core";
import { headersLayer, nodeHome, nodeLayer, packageManagerLayer } from "./layer-plans.ts";
import type { LayerPlan } from "./layer-plans.ts";
import type { NpmRegistry } from "./npm-registry.ts";
import type { PackageManagerChoice } from "./package-managers.ts";
import type { Architecture } from "./platform-packages.ts";
import { SharedWork } from "./shared-work.ts";
import { layerTar } from "./toolchain-layer.ts";

export interface ToolchainOptions {
  readonly npm: NpmRegistry;
  readonly registry: ImageRegistry;
  /** Reference of the stack image in the registry. */
  readonly stackImage: string;
  readonly architecture: Architecture;
  /** Repository for toolchain images and layers. Default: `slipway/toolchain`. */
  readonly repository?: string;
}

export interface Toolchain {
  readonly nodeVersion: string;
  readonly npmVersion: string;
  /** Hash of npm's tarball that the app names. */
  readonly npmHash?: PackageHash | undefined;
  /** Whether the image contains Node.js's headers, for builds with native add-ons. */
  readonly headers?: boolean;
  readonly packageManager?: PackageManagerChoice | undefined;
}

export interface ToolchainImage {
  /** `host/repository@sha256:…` */
  readonly reference: string;
  readonly digest: string;
  /** Each layer on top of the stack's, for use in other images. The same versions are the same layer on every stack. */
  readonly layers: {
    readonly node: StoredLayer;
    readonly headers?: StoredLayer;
    readonly packageManager?: StoredLayer;
  };
  /** Whether the image existed before. */
  readonly existed: boolean;
}

export interface Toolchains {
  /**
   * Finds or makes the image. When it exists, nothing is downloaded or uploaded. Layers that exist are not made again. Concurrent
   * calls share the work; two workers at once make the same bytes. A failure leaves no tag, and the call may be repeated.
   * @throws {SlipwayError} "toolchain-unavailable"; "registry-unavailable"; "configuration-invalid" when the registry lacks the
   * stack image; "build-failed" when a package manager does not have the hash that the app names; the signal's reason when
   * aborted.
   */
  ensure(toolchain: Toolchain, signal: AbortSignal): Promise<ToolchainImage>;
}

/** Part of every tag. Raise it when the same versions give other bytes. */
const layoutVersion = 1;
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

type LayerName = keyof ToolchainImage["layers"];
type Plans = readonly (readonly [name: LayerName, plan: LayerPlan])[];

export function openToolchains(options: ToolchainOptions): Toolchains {
  const { npm, registry, stackImage, repository = "slipway/toolchain" } = options;
  const images = new SharedWork<ToolchainImage>();
  const layers = new SharedWork<StoredLayer>();

  async function findOrMakeImage(plans: Plans, signal: AbortSignal): Promise<ToolchainImage> {
    const stack = await readStack(registry, stackImage, signal);
    const tag = tagOf(stack.digest, ...plans.map(([, { key }]) => key));
    const existing = await registry.inspect(`${registry.host}/${repository}:${tag}`, signal);
    const above = existing?.layers.slice(stack.layers.length) ?? [];
    if (existing !== null && above.length === plans.length)
      return toolchainImage(existing, plans, above, true);
    const made: StoredLayer[] = [];
    for (const [, plan] of plans) made.push(await ensureLayer(stack, plan, signal));
    const config = { ...stack.config, environment: { PATH: pathOver(stack) } };
    const pushed = await registry.push(
      { repository, tag, base: stack.pinnedReference, layers: made, config },
      signal,
    );
    return toolchainImage(pushed, plans, pushed.layers, false);
  }

  /** A layer is found by the tag of an image that contains it on top of some stack. */
  async function ensureLayer(stack: StoredImage, plan: LayerPlan, signal: AbortSignal): Promise<StoredLayer> {
    const tag = `layer-${tagOf(plan.key)}`;
    return await layers.join(tag, (shared) => findOrMakeLayer(tag, stack, plan, shared), signal);
  }

  async function findOrMakeLayer(tag: string, stack: StoredImage, plan: LayerPlan, signal: AbortSignal) {
    const existing = await registry.inspect(`${registry.host}/${repository}:${tag}`, signal);
    const found = existing?.layers.at(-1);
    if (found !== undefined) return found;
    const config = { ...stack.config, environment: {} };
    const tar = layerTar(npm, plan, signal);
    const pushed = await registry.push(
      { repository, tag, base: stack.pinnedReference, layers: [tar], config },
      signal,
    );
    return pushed.layers[0] as StoredLayer;
  }

  return {
    async ensure(toolchain, signal) {
      const plans = plansOf(toolchain, options.architecture);
      const key = tagOf(...plans.map(([, plan]) => plan.key));
      return await images.join(key, (shared) => findOrMakeImage(plans, shared), signal);
    },
  };
}

function plansOf(toolchain: Toolchain, architecture: Architecture): Plans {
  const { nodeVersion, npmVersion, npmHash, headers = false, packageManager } = toolchain;
  return [
    ["node", nodeLayer(nodeVersion, npmVersion, architecture, npmHash)],
    ...(headers ? [["headers", headersLayer(nodeVersion, architecture)] as const] : []),
    ...(packageManager ? [["packageManager", packageManagerLayer(packageManager)] as const] : []),
  ];
}

async function readStack(
  registry: ImageRegistry,
  stackImage: string,
  signal: AbortSignal,
): Promise<StoredImage> {
  const stack = await registry.inspect(stackImage, signal);
  if (stack !== null) return stack;
  throw new SlipwayError("configuration-invalid", `The registry has no stack image ${stackImage}.`);
}

function toolchainImage(
  { pinnedReference, digest }: Pick<StoredImage, "pinnedReference" | "digest">,
  plans: Plans,
  above: readonly StoredLayer[],
  existed: boolean,
): ToolchainImage {
  const layers: { [Name in LayerName]?: StoredLayer } = {};
  for (const [index, [name]] of plans.entries()) {
    const layer = above[index];
    if (layer !== undefined) layers[name] = layer;
  }
  const { node } = layers;
  if (node === undefined) throw new SlipwayError("internal", "a toolchain image has no layer with Node.js");
  return { reference: pinnedReference, digest, layers: { ...layers, node }, existed };
}

function pathOver({ config }: StoredImage): string {
  return `/${nodeHome}/bin:/app/node_modules/.bin:${config.environment["PATH"] ?? defaultPath}`;
}

function tagOf(...parts: readonly string[]): string {
  return hash("sha256", JSON.stringify([layoutVersion, ...parts]), "hex").slice(0, 40);
}
