// The port to the builders: each kind turns a planned source into an image in the registry. The plan picks the kind.

import type { ImageStart, PushedImage, SourceBuilder } from "@slipway/core";
import type { BuildpackFacts } from "@slipway/receipts";
import type { Attempt } from "../attempt.ts";
import type { FormerImage } from "../former-image.ts";
import type { FetchedSource } from "../phases/fetch.ts";
import type { Plan } from "../phases/plan.ts";

export interface BuildInput {
  /** The archive, which may be opened any number of times until the attempt ends. */
  readonly fetched: FetchedSource;
  readonly plan: Plan;
  /** Image of the app's current release; null when it has none, or one that tells nothing. */
  readonly former: FormerImage | null;
}

/** Disposed of when the release has started, or failed to. Until then it holds what `saveCache` reads. */
export interface BuiltImage extends AsyncDisposable {
  readonly image: Pick<PushedImage, "reference" | "pinnedReference" | "digest" | "sizeBytes">;
  /** Buildpacks that built the app, in order; none for other builders. */
  readonly buildpacks: readonly BuildpackFacts[];
  /** Image that the app's files are on top of, for display; null when the source names it. */
  readonly stackImage: string | null;
  /** Process type → shell command, with a `web`. */
  readonly processTypes: Readonly<Record<string, string>>;
  /** How its `web` starts; null for an image that the launch script of buildpacks starts. */
  readonly imageStart: ImageStart | null;
  /** Defaults for the app's variables. */
  readonly configVars: Readonly<Record<string, string>>;
  /** Saves what later builds reuse. Called once, while the app starts. A failure is the log's, and not an error. */
  saveCache(): Promise<void>;
}

/**
 * Order of calls: `build`, then `saveCache`, then disposal. Nothing of an older attempt runs on this worker's engine when `build` is
 * called, and calls for one app never overlap, but a call may repeat what an attempt that died has done.
 */
export interface Builder {
  readonly kind: SourceBuilder;
  /**
   * Sets the status to `pushing` once the build has written its last output and before the image is pushed: the lease refuses that to an older
   * attempt. Its output is the attempt's log. Ends soon after the attempt's signal aborts, and leaves nothing running.
   * @throws {SlipwayError} of the user's, which are final: "build-failed", "build-timeout", "build-out-of-memory",
   * "build-disk-full", "image-too-large", "no-web-process"; of the platform's, which another attempt may not meet:
   * "engine-unavailable", "registry-unavailable"; the signal's reason when aborted.
   */
  build(attempt: Attempt, input: BuildInput): Promise<BuiltImage>;
}
