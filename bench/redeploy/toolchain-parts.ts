// The dependencies for creating a toolchain image, for the base images of Dockerfiles.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BlobStore } from "@slipway/core";
import { openRegistry } from "@slipway/registry";
import { openFileBlobs } from "@slipway/store";
import { openToolchains } from "@slipway/toolchains";
import type { Toolchains } from "@slipway/toolchains";
import type { BenchEnvironment } from "../slipway.ts";

export interface ToolchainParts extends AsyncDisposable {
  /** Caches responses of registries until the parts are disposed. */
  readonly blobs: BlobStore;
  readonly now: () => Date;
  readonly onError: (error: unknown) => never;
  readonly signal: AbortSignal;
  readonly toolchainsOn: (stackImage: string) => Toolchains;
}

export async function openToolchainParts(environment: BenchEnvironment): Promise<ToolchainParts> {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "slipway-bench-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  const onError = (error: unknown) => {
    throw error;
  };
  const blobs = opened.use(await openFileBlobs({ directory, onError }));
  const registry = opened.use(openRegistry({ url: environment.REGISTRY_URL }));
  const resources = opened.move();
  return {
    blobs,
    now: () => new Date(),
    onError,
    signal: new AbortController().signal,
    toolchainsOn: (stackImage) => openToolchains({ registry, stackImage }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
