// The port to the image registry: one layer over the stack's, pushed as a stream.

import type { ByteStream } from "./bytes.ts";

export interface ImagePush {
  /** Repository within the registry, e.g. `apps/6f2a…`. */
  readonly repository: string;
  readonly tag: string;
  /** The image to build upon: a reference in the same registry, e.g. `127.0.0.1:5000/slipway/stack:3f…`. */
  readonly base: string;
  /** The layer as an uncompressed tar stream; hashed and compressed on the way. */
  readonly layer: ByteStream;
  readonly config: {
    readonly entrypoint: readonly string[];
    readonly command: readonly string[];
    /** Over the base's variables. */
    readonly environment: Readonly<Record<string, string>>;
    readonly labels: Readonly<Record<string, string>>;
    readonly user: string;
    readonly workingDir: string;
  };
}

export interface PushedImage {
  /** `host/repository:tag`, for people. */
  readonly reference: string;
  /** `host/repository@sha256:…`, for engines. */
  readonly pinnedReference: string;
  readonly digest: string;
  /** All compressed layers, the base's included, and the config. */
  readonly sizeBytes: number;
}

export interface ImageRegistry extends AsyncDisposable {
  /** The registry's host and port as engines know it: it stands in references. */
  readonly host: string;
  /**
   * The same layer, base and config give the same digest. A failed push leaves no tag behind.
   * @throws {SlipwayError} "registry-unavailable" when the registry fails; the layer stream's own error as it is.
   */
  push(image: ImagePush, signal: AbortSignal): Promise<PushedImage>;
  /** Tags of a repository; none when there is no such repository. */
  tags(repository: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Digest of the image that a tag or a digest names; null when it is not there. */
  digestOf(repository: string, reference: string, signal: AbortSignal): Promise<string | null>;
  /**
   * Deletes an image's manifest by tag or digest, and with it every tag of the repository that names the same image; one that
   * is not there is fine.
   */
  delete(repository: string, reference: string, signal: AbortSignal): Promise<void>;
  ping(): Promise<void>;
}
