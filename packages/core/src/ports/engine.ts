// The port to the engine that builds run on. A sandbox is one build's container with its volume.
//
// Order of calls: create → upload (any number) → run (once) → download (any number) → dispose. All reject with
// "engine-unavailable" when the engine does not answer, and with the signal's reason once it is aborted.

import type { Labels } from "../labels.ts";
import type { ByteStream } from "./bytes.ts";

export interface SandboxSpec {
  /** Image the build runs in; pulled when the engine lacks it. */
  readonly image: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Labels;
  readonly limits: {
    readonly memoryBytes: number;
    readonly cpus: number;
    readonly pids: number;
    /** Size of the memory file systems on /tmp and /app each. */
    readonly tmpfsBytes: number;
    /** What the build may put in its volume before it is ended. */
    readonly diskBytes: number;
  };
}

export interface SandboxExit {
  readonly exitCode: number;
  /** The kernel ended a process of the build for lack of memory. */
  readonly outOfMemory: boolean;
  /** The build was ended because it filled its disk bound. */
  readonly diskFull: boolean;
}

export interface Sandbox extends AsyncDisposable {
  readonly id: string;
  /**
   * Unpacks a tar stream below `path`, which lies in the volume at /work. Owner and mode are the tar's. After a failure a part
   * of it may be there. @throws {SlipwayError} "engine-refused" when the engine answers, but does not unpack it; the tar's own error.
   */
  upload(path: string, tar: ByteStream, signal: AbortSignal): Promise<void>;
  /**
   * Runs the command to its end; processes that it leaves behind are killed then. `onOutput` gets stdout and stderr as they come, in order; a promise it returns holds the
   * build's output back until it settles. When the signal aborts, the container is killed and the promise rejects.
   */
  run(options: {
    readonly onOutput: (bytes: Uint8Array) => void | Promise<void>;
    readonly signal: AbortSignal;
  }): Promise<SandboxExit>;
  /**
   * The files below the directory `path` as a tar stream whose names begin with the path's last part, sorted within each folder.
   * What the build left is its user's: there is "build-failed" when no directory is at the path, and the stream fails with
   * "build-disk-full" past `diskBytes`.
   */
  download(path: string, signal: AbortSignal): Promise<ByteStream>;
  /** Removes container and volume, also while running. Safe to repeat; tries hard, and throws only if the engine is gone. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What an engine has to build with. */
export interface EngineCapacity {
  readonly cpus: number;
  readonly memoryBytes: number;
}

export interface BuildEngine extends AsyncDisposable {
  createSandbox(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox>;
  /** Removes build containers, with their volumes, that carry all these labels. @returns how many there were. */
  removeSandboxes(labels: Labels): Promise<number>;
  /** Labels of every build container of this installation on the engine: the reconciler's view. */
  listSandboxes(): Promise<readonly Labels[]>;
  capacity(): Promise<EngineCapacity>;
  ping(): Promise<void>;
}
