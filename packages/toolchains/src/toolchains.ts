// Toolchain images: the stack with a toolchain's layers, made once per installation.

import { hash } from "node:crypto";
import { SlipwayError } from "@slipway/core";
import type { ImageRegistry, StoredImage, StoredLayer } from "@slipway/core";
import type { LayerPlan, Toolchain } from "./layer-plans.ts";
import { SharedWork } from "./shared-work.ts";
import { layerTar } from "./toolchain-layer.ts";

export interface ToolchainOptions {
  readonly registry: ImageRegistry;
  /** Reference of the stack image in the registry. */
  readonly stackImage: string;
  /** Repository for toolchain images and layers. Default: `slipway/toolchain`. */
  readonly repository?: string;
}

export interface ToolchainImage {
  /** `host/repository@sha256:…` */
  readonly reference: string;
  readonly digest: string;
  /** The layers on top of the stack's, for use in other images. The same plan gives the same layer on every stack. */
  readonly layers: readonly StoredLayer[];
  /** Whether the image existed before. */
  readonly existed: boolean;
}

export interface Toolchains {
  /**
   * Finds or makes the image. When it exists, nothing is downloaded or uploaded. Existing layers are reused. Concurrent
   * calls share the work; two concurrent workers make the same bytes. A failure leaves no tag, and the call may be repeated.
   * @throws {SlipwayError} "toolchain-unavailable"; "registry-unavailable"; "configuration-invalid" when the registry lacks the
   * stack image; "build-failed" when a package manager does not have the hash that the app names; the signal's reason when
   * aborted.
   */
  ensure(toolchain: Toolchain, signal: AbortSignal): Promise<ToolchainImage>;
}

/** Part of every tag. Increment it when the same versions give other bytes. */
const layoutVersion = 1;
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Opens the toolchain images of the installation, which are made when a build needs them. */
export function openToolchains(options: ToolchainOptions): Toolchains {
  const { registry, stackImage, repository = "slipway/toolchain" } = options;
  const images = new SharedWork<ToolchainImage>();
  const layers = new SharedWork<StoredLayer>();

  async function findOrMakeImage(toolchain: Toolchain, signal: AbortSignal): Promise<ToolchainImage> {
    const stack = await readStack(registry, stackImage, signal);
    const tag = tagOf(stack.digest, ...keysOf(toolchain));
    const existing = await registry.inspect(`${registry.host}/${repository}:${tag}`, signal, {
      isPushedIfAbsent: true,
    });
    const above = existing?.layers.slice(stack.layers.length) ?? [];
    if (existing !== null && above.length === toolchain.layers.length)
      return toolchainImage(existing, above, true);
    const made: StoredLayer[] = [];
    for (const plan of toolchain.layers) made.push(await ensureLayer(stack, plan, signal));
    const config = { ...stack.config, environment: { PATH: pathOver(stack, toolchain) } };
    const pushed = await registry.push(
      { repository, tag, base: stack.pinnedReference, layers: made, config },
      signal,
    );
    return toolchainImage(pushed, pushed.layers, false);
  }

  /** A layer is found by the tag of an image that contains it on top of some stack. */
  async function ensureLayer(stack: StoredImage, plan: LayerPlan, signal: AbortSignal): Promise<StoredLayer> {
    const tag = `layer-${tagOf(plan.key)}`;
    return await layers.join(tag, (shared) => findOrMakeLayer(tag, stack, plan, shared), signal);
  }

  async function findOrMakeLayer(tag: string, stack: StoredImage, plan: LayerPlan, signal: AbortSignal) {
    const existing = await registry.inspect(`${registry.host}/${repository}:${tag}`, signal, {
      isPushedIfAbsent: true,
    });
    const found = existing?.layers.at(-1);
    if (found !== undefined) return found;
    const config = { ...stack.config, environment: {} };
    const tar = layerTar(plan, signal);
    const pushed = await registry.push(
      { repository, tag, base: stack.pinnedReference, layers: [tar], config },
      signal,
    );
    return pushed.layers[0] as StoredLayer;
  }

  return {
    async ensure(toolchain, signal) {
      const key = tagOf(...keysOf(toolchain));
      return await images.join(key, (shared) => findOrMakeImage(toolchain, shared), signal);
    },
  };
}

function keysOf({ layers, path }: Toolchain): readonly string[] {
  return [...layers.map(({ key }) => key), ...path];
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
  layers: readonly StoredLayer[],
  existed: boolean,
): ToolchainImage {
  return { reference: pinnedReference, digest, layers, existed };
}

function pathOver({ config }: StoredImage, { path }: Toolchain): string {
  return [...path, config.environment["PATH"] ?? defaultPath].join(":");
}

function tagOf(...parts: readonly string[]): string {
  return hash("sha256", JSON.stringify([layoutVersion, ...parts]), "hex").slice(0, 40);
}
