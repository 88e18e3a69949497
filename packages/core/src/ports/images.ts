// The port to the image registry. An image is one layer, pushed as a stream, on top of the stack's layers.

import type { ByteStream } from "./bytes.ts";

export interface ImagePush {
  /** Repository within the registry, e.g. `apps/6f2a…`. */
  readonly repository: string;
  readonly tag: string;
  /** The base image: a reference in the same registry, e.g. `127.0.0.1:5000/slipway/stack:3f…`. */
  readonly base: string;
  /** The layer as an uncompressed tar stream; the adapter hashes and compresses it. */
  readonly layer: ByteStream;
  readonly config: {
    readonly entrypoint: readonly string[];
    readonly command: readonly string[];
    /** Overrides the base image's variables. */
    readonly environment: Readonly<Record<string, string>>;
    readonly labels: Readonly<Record<string, string>>;
    readonly user: string;
    readonly workingDir: string;
  };
}

export interface PushedImage {
  /** `host/repository:tag`, for display. */
  readonly reference: string;
  /** `host/repository@sha256:…`, for engines. */
  readonly pinnedReference: string;
  readonly digest: string;
  /** All compressed layers, the base's included, and the config. */
  readonly sizeBytes: number;
}

export interface ImageRegistry extends AsyncDisposable {
  /** The registry's host and port as engines reach it, which image references begin with. */
  readonly host: string;
  /**
   * Pushes an image. The same layer, base and config give the same digest. A failed push creates no tag.
   * @throws {SlipwayError} "registry-unavailable" when the registry fails; the layer stream's own error, unchanged.
   */
  push(image: ImagePush, signal: AbortSignal): Promise<PushedImage>;
  /** Tags of a repository; none when the repository does not exist. */
  tags(repository: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Digest of the image that a tag or a digest names; null when it does not exist. */
  digestOf(repository: string, reference: string, signal: AbortSignal): Promise<string | null>;
  /**
   * Deletes an image's manifest by tag or digest, and with it every tag of the repository that names the same image. Does
   * nothing when the image does not exist.
   */
  delete(repository: string, reference: string, signal: AbortSignal): Promise<void>;
  ping(): Promise<void>;
}
