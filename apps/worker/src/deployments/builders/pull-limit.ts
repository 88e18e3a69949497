// Limits the size of images that users name (builder images and base images of Dockerfiles) before an engine pulls them.

import { SlipwayError, mebibytesText } from "@slipway/core";
import type { WorkerConfig } from "../../config.ts";
import { pullSize } from "./pull-size.ts";

/** @throws {SlipwayError} "build-failed" with both sizes; the errors of `pullSize`. */
export type CheckPull = (reference: string, signal: AbortSignal) => Promise<void>;

interface PullLimitContext {
  readonly config: Pick<WorkerConfig, "egress"> & {
    readonly limits: Pick<WorkerConfig["limits"], "pulledImageBytes">;
  };
  readonly now: () => Date;
}

/** How long a size is cached: a tag may be moved to another image, and registries limit the rate of requests. */
const rememberedMs = 10 * 60_000;
const maxRemembered = 1_000;

/** @returns a function that checks an image by the sizes in its manifest, and caches the sizes for some minutes. */
export function openPullLimit({ config, now }: PullLimitContext): CheckPull {
  const known = new Map<string, { readonly sizeBytes: number; readonly until: number }>();
  const maxBytes = config.limits.pulledImageBytes;
  const allowed = config.egress.open.map(({ range }) => range);
  const sizeOf = async (reference: string, signal: AbortSignal) => {
    const found = known.get(reference);
    if (found !== undefined && found.until > now().getTime()) return found.sizeBytes;
    const sizeBytes = await pullSize(reference, { allowed, signal });
    const [oldest] = known.keys();
    if (known.size >= maxRemembered && oldest !== undefined) known.delete(oldest);
    if (sizeBytes !== null) known.set(reference, { sizeBytes, until: now().getTime() + rememberedMs });
    return sizeBytes;
  };
  return async (reference, signal) => {
    const sizeBytes = await sizeOf(reference, signal);
    if (sizeBytes === null || sizeBytes <= maxBytes) return;
    throw new SlipwayError(
      "build-failed",
      `the image ${reference} has ${mebibytesText(sizeBytes, "up")} compressed, more than the ${mebibytesText(maxBytes, "up")} that may be pulled (PULLED_IMAGE_MAX_MB): name a smaller image`,
    );
  };
}
