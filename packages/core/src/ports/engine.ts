// The port to the engine that builds run on. A sandbox is the container of one build. Its files are those of its image and the files
// uploaded or written below /work, which belongs to the build's user. /work/cache is a separate volume.
//
// Order of calls: create → upload (any number) → run (once) → changes, download, snapshot (any number) → dispose. All reject
// with "engine-unavailable" when the engine does not respond, and with the signal's reason once it is aborted.

import type { Labels } from "../labels.ts";
import type { ByteStream } from "./bytes.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";

export interface SandboxSpec {
  /** Image that the build runs in: a snapshot, or an image that is pulled if the engine does not have it. */
  readonly image: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Labels;
  /** The user that the build runs as. Default: the stack's build user, 2000. */
  readonly user?: SandboxUser;
  /** A port of the build's loopback interface at which the caller answers requests. Default: none. */
  readonly loopback?: LoopbackServer;
  readonly limits: {
    readonly memoryBytes: number;
    readonly cpus: number;
    readonly pids: number;
    /** Size of each of the tmpfs mounts /tmp and /app. */
    readonly tmpfsBytes: number;
    /** Limit for all files that the build writes, for each file, and for its cache; a build that exceeds it is killed. */
    readonly diskBytes: number;
  };
}

export interface SandboxUser {
  readonly uid: number;
  readonly gid: number;
}

export interface LoopbackServer {
  readonly port: number;
  /** Image of a stack. The program that accepts the connections runs in it, beside the build. */
  readonly image: string;
  /**
   * Answers a request. The signal aborts when its connection ends or the sandbox is disposed of. When it rejects, the response has
   * status 502.
   */
  readonly handle: (request: HttpRequest, signal: AbortSignal) => Promise<HttpResponse>;
}

/** Metadata of an image. */
export interface ImageFacts {
  readonly labels: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  /** Id of the image on the engine. It changes with the content. */
  readonly id: string;
}

export interface UserImage {
  /** Called before the image is pulled, and not when the engine has it. @throws the error that prevents the pull. */
  readonly beforePull: () => Promise<void>;
  /** Maximum size of the download: a registry may send more than it stated before. */
  readonly maxBytes: number;
}

/**
 * The images pulled for users that stay on an engine: the most recently used ones whose unpacked sizes add up to `maxBytes` at most,
 * images used by containers, and images used in the last ten minutes, since a build may be about to use them.
 */
export interface UserImageLimits {
  readonly maxBytes: number;
  /** References of images that stay, even if a user named them. */
  readonly kept: readonly string[];
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
   * Unpacks a tar stream below `path`, which lies in /work or is /, with the owners and modes of the tar. After a
   * failure some of the files may exist.
   * @throws {SlipwayError} "engine-refused" when the engine rejects the tar; the tar stream's own error.
   */
  upload(path: string, tar: ByteStream, signal: AbortSignal): Promise<void>;
  /**
   * Runs the command to its end, then kills its remaining processes. `onOutput` receives stdout and stderr in order,
   * or only stdout when `onError` receives stderr. A promise that `onOutput` returns applies backpressure to the build until it
   * settles; an error of either callback ends the build and rejects. `onOutputEnd` is called when all output was received. By then
   * the command has ended, but the engine still has to release the container's resources and to return the exit code. When the signal
   * aborts, the container is killed and `run` rejects.
   */
  run(options: {
    readonly onOutput: (bytes: Uint8Array) => void | Promise<void>;
    readonly onError?: ((bytes: Uint8Array) => void) | undefined;
    readonly onOutputEnd?: (() => void) | undefined;
    readonly signal: AbortSignal;
  }): Promise<SandboxExit>;
  /**
   * The files below the directory `path` as a tar stream, sorted within each folder. Names begin with the path's last part.
   * @throws {SlipwayError} "build-failed" when the path is not a directory. The stream fails with "build-disk-full" when it
   * exceeds `diskBytes`. Both are the user's errors, because the build wrote the files.
   */
  download(path: string, signal: AbortSignal): Promise<ByteStream>;
  /**
   * The paths below the directory `path` that were added, changed or deleted since the sandbox was created, relative to `path`.
   * A folder is listed when something in it changed, and "." when `path` is not a directory any more. The engine compares the
   * files, so the build cannot influence the answer.
   */
  changes(path: string, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Keeps the sandbox's files, without /work/cache, as an image on its engine. Replaces an earlier snapshot of the same name.
   * Sandboxes from it do not inherit the environment.
   * @returns the image, for `SandboxSpec.image`.
   * @throws {SlipwayError} "build-disk-full" when the files exceed `diskBytes`: sparse files count with their full size.
   */
  snapshot(name: SnapshotName, signal: AbortSignal): Promise<string>;
  /**
   * Removes the container and its volume, even while the build runs. May be repeated. Retries, and throws only if the engine stays
   * unavailable.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Identifies a snapshot. */
export interface SnapshotName {
  readonly appId: string;
  /** The app's cache version: snapshots of earlier versions are not needed any more. */
  readonly cacheVersion: number;
  /** Lowercase hexadecimal. */
  readonly key: string;
}

export interface Snapshot extends SnapshotName {
  readonly image: string;
  /** Size in addition to the image that its sandbox was created from. */
  readonly sizeBytes: number;
}

/** The limits that an engine's kernel enforces; usage is measured for all other limits. */
export interface DiskQuota {
  /** Whether it limits the files that a container adds to its image's. */
  readonly containers: boolean;
  /** Whether a container's limit includes the files of its image. */
  readonly includesImage: boolean;
  readonly volumes: boolean;
}

/** The resources of an engine. */
export interface EngineCapacity {
  readonly cpus: number;
  readonly memoryBytes: number;
}

export interface BuildEngine extends AsyncDisposable {
  /** @throws {SlipwayError} "not-found" with the resource "snapshot" when the image is a snapshot that was removed. */
  createSandbox(spec: SandboxSpec, signal: AbortSignal): Promise<Sandbox>;
  /**
   * Pulls the image if the engine does not have it.
   * @param ofUser for an image that a user named: `pruneUserImages` removes it if it was pulled here.
   * @throws {SlipwayError} "registry-unavailable" when it cannot be pulled, "build-failed" when it is larger than `maxBytes`; the
   * error of `beforePull`.
   */
  inspectImage(reference: string, signal: AbortSignal, ofUser?: UserImage): Promise<ImageFacts>;
  /** @see UserImageLimits @throws {SlipwayError} "engine-unavailable" */
  pruneUserImages(limits: UserImageLimits): Promise<void>;
  /** Removes the build containers that have all these labels, with their volumes. @returns their number. */
  removeSandboxes(labels: Labels): Promise<number>;
  /**
   * Labels of every build container of this installation on the engine, and of what a crash left of a build before its container was
   * created, for the reconciler.
   */
  listSandboxes(): Promise<readonly Labels[]>;
  /** Finds a snapshot of this engine, and records its use. @returns its image; null when there is none. */
  findSnapshot(name: SnapshotName, signal: AbortSignal): Promise<string | null>;
  /** The snapshots of this installation on this engine, in no particular order. */
  listSnapshots(): Promise<readonly Snapshot[]>;
  /** @returns when `findSnapshot` last found it, or else its creation time; null when it does not exist. */
  snapshotLastUsedAt(name: SnapshotName): Promise<Date | null>;
  /** Removes a snapshot. Does nothing when a sandbox uses it, or when it does not exist. */
  removeSnapshot(name: SnapshotName): Promise<void>;
  capacity(): Promise<EngineCapacity>;
  /** Determined once, by the first call that succeeds. */
  diskQuota(): Promise<DiskQuota>;
  ping(): Promise<void>;
}
