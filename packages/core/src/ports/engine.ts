// The port to the engine that builds run on. A sandbox is one build's container with its volume.
//
// Order of calls: create → upload (any number) → run (once) → download (any number) → dispose. All reject with
// "engine-unavailable" when the engine does not respond, and with the signal's reason once it is aborted.

import type { Labels } from "../labels.ts";
import type { ByteStream } from "./bytes.ts";

export interface SandboxSpec {
  /** Image that the build runs in; pulled if the engine does not have it. */
  readonly image: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Labels;
  readonly limits: {
    readonly memoryBytes: number;
    readonly cpus: number;
    readonly pids: number;
    /** Size of each of the tmpfs mounts /tmp and /app. */
    readonly tmpfsBytes: number;
    /** Size limit of the volume; a build that exceeds it is killed. */
    readonly diskBytes: number;
  };
}

export interface SandboxExit {
  readonly exitCode: number;
  /** Whether the kernel's OOM killer killed a process of the build. */
  readonly outOfMemory: boolean;
  /** Whether the build was killed because it exceeded `diskBytes`. */
  readonly diskFull: boolean;
}

export interface Sandbox extends AsyncDisposable {
  readonly id: string;
  /**
   * Unpacks a tar stream below `path`, which lies in the volume at /work, with the owners and modes of the tar. After a
   * failure some of its files may exist.
   * @throws {SlipwayError} "engine-refused" when the engine rejects the tar; the tar stream's own error.
   */
  upload(path: string, tar: ByteStream, signal: AbortSignal): Promise<void>;
  /**
   * Runs the command to its end, then kills processes that it left behind. `onOutput` receives stdout and stderr in order;
   * a promise that it returns applies backpressure to the build until it settles. When the signal aborts, the container is
   * killed and `run` rejects.
   */
  run(options: {
    readonly onOutput: (bytes: Uint8Array) => void | Promise<void>;
    readonly signal: AbortSignal;
  }): Promise<SandboxExit>;
  /**
   * The files below the directory `path` as a tar stream, sorted within each folder. Names begin with the path's last part.
   * @throws {SlipwayError} "build-failed" when the path is not a directory. The stream fails with "build-disk-full" when it
   * exceeds `diskBytes`. Both are the user's errors, because the build wrote the files.
   */
  download(path: string, signal: AbortSignal): Promise<ByteStream>;
  /**
   * Removes container and volume, even while the build runs. May be repeated. Retries, and throws only if the engine stays
   * unavailable.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/** The resources of an engine. */
export interface EngineCapacity {
  readonly cpus: number;
  readonly memoryBytes: number;
}

export interface BuildEngine extends AsyncDisposable {
  createSandbox(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox>;
  /** Removes the build containers that have all these labels, with their volumes. @returns their number. */
  removeSandboxes(labels: Labels): Promise<number>;
  /** Labels of every build container of this installation on the engine, for the reconciler. */
  listSandboxes(): Promise<readonly Labels[]>;
  capacity(): Promise<EngineCapacity>;
  ping(): Promise<void>;
}
