// A build without arguments and secrets, of files in memory.

import { randomUUID } from "node:crypto";
import type { ImageBuild } from "@slipway/core";
import { packTar } from "@slipway/testkit";

/** @param files of the context, by path. @param watchImage of the container that measures its steps. */
export function aBuild(files: Readonly<Record<string, string>>, watchImage: string): ImageBuild {
  return {
    reference: `slipway-test-build/${randomUUID()}:1`,
    context: contextOf(files),
    dockerfile: "Dockerfile",
    target: null,
    arguments: {},
    secrets: {},
    cacheScope: randomUUID().replaceAll("-", ""),
    labels: {},
    cgroupParent: null,
    steps: { diskBytes: 256 * 1024 ** 2, watchImage, labels: {} },
  };
}

async function* contextOf(files: Readonly<Record<string, string>>): AsyncIterable<Uint8Array> {
  yield await packTar(files);
}
