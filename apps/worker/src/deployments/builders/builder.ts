// The port to the builders: each kind of builder turns a planned source into an image in the registry. The plan selects the kind.

import type { ImageStart, PushedImage, SourceBuilder } from "@slipway/core";
import type { BuildpackFacts } from "@slipway/receipts";
import type { Attempt } from "../attempt.ts";
import type { FormerImage } from "../former-image.ts";
import type { FetchedSource } from "../phases/fetch.ts";
import type { Plan } from "../phases/plan.ts";

export interface BuildInput {
  /** The archive, which may be opened several times until the attempt ends. */
  readonly fetched: FetchedSource;
  readonly plan: Plan;
  /** Image of the app's current release; null when there is none, or when the image has no labels to compare. */
  readonly former: FormerImage | null;
}

/** Disposed when the release has started, or has failed to start. Until then it holds the data that `saveCache` reads. */
export interface BuiltImage extends AsyncDisposable {
  readonly image: Pick<PushedImage, "reference" | "pinnedReference" | "digest" | "sizeBytes">;
  /** Buildpacks that built the app, in order; empty for other builders. */
  readonly buildpacks: readonly BuildpackFacts[];
  /** Base image of the app's files, for display; null when the source names the base image. */
  readonly stackImage: string | null;
  /** Process type → shell command, with a `web`. */
  readonly processTypes: Readonly<Record<string, string>>;
  /** How the image's `web` process starts; null for an image that starts with the launch script of buildpacks. */
  readonly imageStart: ImageStart | null;
  /** Default values of the app's variables. */
  readonly configVars: Readonly<Record<string, string>>;
  /** Saves the cache for later builds. Called once, while the app starts. A failure is logged, and is not an error. */
  saveCache(): Promise<void>;
}

/**
 * Order of calls: `build`, then `saveCache`, then disposal. When `build` is called, nothing of an older attempt runs on this worker's
 * engine. Calls for one app never overlap, but a call may repeat the work of an attempt that died.
 */
export interface Builder {
  readonly kind: SourceBuilder;
  /**
   * Sets the status to `pushing` after the build's last output and before the image is pushed; the lease rejects this for an older attempt.
   * The build's output goes into the attempt's log. Ends soon after the attempt's signal is aborted, and leaves nothing running.
   * @throws {SlipwayError} errors of the user, which are final: "build-failed", "build-timeout", "build-out-of-memory", "build-disk-full",
   * "image-too-large", "no-web-process"; errors of the platform, which another attempt may not encounter: "engine-unavailable",
   * "registry-unavailable"; the signal's reason when aborted.
   */
  build(attempt: Attempt, input: BuildInput): Promise<BuiltImage>;
}
