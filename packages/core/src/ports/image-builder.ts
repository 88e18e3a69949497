// The port to what builds Dockerfiles: an engine with BuildKit. Its images stay on the engine until they are removed.
//
// Order of calls: build → push → remove, or build → remove. Each may be repeated. Calls for different references are independent.

import type { ImageProcess } from "../image-config.ts";
import type { Labels } from "../labels.ts";
import type { ByteStream } from "./bytes.ts";

export interface ImageBuild {
  /** `host/repository:tag` of the image to make, in the installation's registry. */
  readonly reference: string;
  /** Uncompressed tar of the build context, the Dockerfile included. Read once. */
  readonly context: ByteStream;
  /** Path of the Dockerfile in the context. */
  readonly dockerfile: string;
  /** Name of the stage to build; null for the last. */
  readonly target: string | null;
  readonly arguments: Readonly<Record<string, string>>;
  /** Values by id, which steps mount. They are sent only for steps that do, and are not part of the image. */
  readonly secrets: Readonly<Record<string, string>>;
  /**
   * Letters and digits. Results of commands, and what they keep in cache mounts, are reused only by builds with the same scope:
   * neither depends on the values of secrets.
   */
  readonly cacheScope: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Parent of the steps' control groups on the engine's host; the engine's own when null. */
  readonly cgroupParent: string | null;
  readonly steps: StepLimits;
}

/** What the commands of a build may use, which the engine itself does not limit. */
export interface StepLimits {
  /** What all of them may write together, with what the mounted caches contain. Their results count until the build ends. */
  readonly diskBytes: number;
  /** Image of the container that measures it: with perl and coreutils. */
  readonly watchImage: string;
  /** Labels of that container. */
  readonly labels: Labels;
}

export interface BuildReports {
  /** Whole lines and pieces of them, in order. The build waits for a returned promise. */
  readonly onOutput: (bytes: Uint8Array) => void | Promise<void>;
  /** Called with each report of progress, also without output. */
  readonly onProgress: () => void;
  /**
   * Called with the name of each part of the build that BuildKit itself fetches or runs, before or while it does.
   * @throws {SlipwayError} what then ends the build.
   */
  readonly checkStep: (name: string) => void | Promise<void>;
  readonly signal: AbortSignal;
}

/** An image on the engine. */
export interface LocalImage extends ImageProcess {
  /** Uncompressed, with the layers of its base. */
  readonly sizeBytes: number;
}

export interface ImageBuilder extends Disposable {
  /**
   * Ends the build on the engine when the signal aborts.
   * @throws {SlipwayError} "build-failed" with the step and its exit code; "build-disk-full", and nothing of the build stays in the engine's
   * cache, unless its removal fails; "engine-unavailable"; what `checkStep`, `onOutput` or the
   * context throw; the signal's reason when aborted.
   */
  build(build: ImageBuild, reports: BuildReports): Promise<LocalImage>;
  /**
   * @returns the engine's storage driver if the disk of steps is not limited there; null if it is.
   * @throws {SlipwayError} "engine-unavailable"; the signal's reason.
   */
  unmeasuredDriver(signal: AbortSignal): Promise<string | null>;
  /**
   * Pushes the image to the registry of its reference. On the engine it is found by its digest from then on, no longer by its tag.
   * @returns its digest.
   * @throws {SlipwayError} "registry-unavailable", "engine-unavailable"; the signal's reason when aborted.
   */
  push(reference: string, signal: AbortSignal): Promise<string>;
  /**
   * Removes the image from the engine, unless a container uses it. Does nothing when it does not exist.
   * @param digest null when it was not pushed.
   */
  remove(reference: string, digest: string | null, signal: AbortSignal): Promise<void>;
}
