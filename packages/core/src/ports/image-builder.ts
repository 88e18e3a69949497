// The port to the builder of Dockerfiles: an engine with BuildKit. Its images stay on the engine until they are removed.
//
// Order of calls: build → push → remove, or build → remove. Each may be repeated. Calls for different references are independent.

import type { ImageProcess } from "../image-config.ts";
import type { Labels } from "../labels.ts";
import type { ByteStream } from "./bytes.ts";

export interface ImageBuild {
  /** `host/repository:tag` of the image to build, in the installation's registry. */
  readonly reference: string;
  /** Uncompressed tar of the build context, the Dockerfile included. Read once. */
  readonly context: ByteStream;
  /** Path of the Dockerfile in the context. */
  readonly dockerfile: string;
  /** Name of the stage to build; null for the last. */
  readonly target: string | null;
  readonly arguments: Readonly<Record<string, string>>;
  /** Secrets by id, which steps mount. They are sent only for steps that mount them, and are not part of the image. */
  readonly secrets: Readonly<Record<string, string>>;
  /**
   * Letters and digits. Results of commands, and the content of cache mounts, are reused only by builds with the same scope:
   * neither depends on the values of secrets.
   */
  readonly cacheScope: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Parent of the steps' control groups on the engine's host; null for the engine's own. */
  readonly cgroupParent: string | null;
  readonly steps: StepLimits;
}

/** Limits for the commands of a build, which the engine itself does not enforce. */
export interface StepLimits {
  /** Maximum size of all files that the commands write, with the content of mounted caches. Their results count until the build ends. */
  readonly diskBytes: number;
  /** Image of the container that measures the size; it has perl and coreutils. */
  readonly watchImage: string;
  /** Labels of that container. */
  readonly labels: Labels;
}

export interface BuildReports {
  /** Receives whole lines and parts of lines, in order. The build waits for a returned promise. */
  readonly onOutput: (bytes: Uint8Array) => void | Promise<void>;
  /** Called with each progress report, even without output. */
  readonly onProgress: () => void;
  /**
   * Called with the name of each part of the build that BuildKit itself fetches or runs, before or while it does.
   * @throws {SlipwayError} an error that ends the build.
   */
  readonly checkStep: (name: string) => void | Promise<void>;
  readonly signal: AbortSignal;
}

/** An image on the engine. */
export interface LocalImage extends ImageProcess {
  /** Uncompressed, including the layers of its base. */
  readonly sizeBytes: number;
}

export interface ImageBuilder extends Disposable {
  /**
   * Ends the build on the engine when the signal aborts.
   * @throws {SlipwayError} "build-failed" with the step and its exit code; "build-disk-full", after which nothing of the build stays in the
   * engine's cache, unless its removal fails; "engine-unavailable"; the errors of `checkStep`, `onOutput` and the
   * context; the signal's reason when aborted.
   */
  build(build: ImageBuild, reports: BuildReports): Promise<LocalImage>;
  /**
   * @returns the engine's storage driver if the disk of steps is not limited there; null if it is.
   * @throws {SlipwayError} "engine-unavailable"; the signal's reason.
   */
  unmeasuredDriver(signal: AbortSignal): Promise<string | null>;
  /**
   * Pushes the image to the registry of its reference. From then on the engine has it by its digest, no longer by its tag.
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
