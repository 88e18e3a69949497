// The port to the image registry. An image is a base image with layers on top, which are pushed as streams or stored already.

import type { ImageProcess } from "../image-config.ts";
import type { ImageReference } from "../image-reference.ts";
import type { ByteStream, DisposableBytes } from "./bytes.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";

/** A layer that is stored in the registry. */
export interface StoredLayer {
  /** A repository of the registry that contains the layer. */
  readonly repository: string;
  /** Digest of the compressed bytes. */
  readonly digest: string;
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  /** Compressed. */
  readonly sizeBytes: number;
}

export interface ImagePush {
  /** Repository within the registry, e.g. `apps/6f2a…`. */
  readonly repository: string;
  readonly tag: string;
  /** The base image: a reference in the same registry, e.g. `127.0.0.1:5000/slipway/stack:3f…`. */
  readonly base: string;
  /**
   * The layers on top of the base, lowest first. A stream is an uncompressed tar, which the adapter hashes, compresses and
   * uploads; the streams are read one after the other, in this order, and closed when the push fails. A
   * stored layer is added by its digest: its bytes are not read.
   */
  readonly layers: readonly (ByteStream | StoredLayer)[];
  readonly config: {
    readonly entrypoint: readonly string[];
    readonly command: readonly string[];
    /** Overrides the base image's variables. */
    readonly environment: Readonly<Record<string, string>>;
    readonly labels: Readonly<Record<string, string>>;
    readonly user: string;
    readonly workingDir: string;
  };
  /** Annotations of the manifest. With annotations it has OCI's media type, otherwise that of the base's manifest. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Called once if the push has to wait for garbage collection of the registry. */
  readonly onHeld?: () => void;
}

/** A file about an image, such as a receipt. */
export interface ImageArtifact {
  /** Media type of the file, by which clients distinguish it from other files of the image. */
  readonly type: string;
  readonly content: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** Called once if attaching the file has to wait for garbage collection of the registry. */
  readonly onHeld?: () => void;
}

export interface PushedImage {
  /** `host/repository:tag`, for display. */
  readonly reference: string;
  /** `host/repository@sha256:…`, for engines. */
  readonly pinnedReference: string;
  readonly digest: string;
  /** All compressed layers, the base's included, and the config. */
  readonly sizeBytes: number;
  /** The layers on top of the base, in the push's order. */
  readonly layers: readonly StoredLayer[];
}

/** An image as the registry describes it. */
export interface StoredImage {
  /** `host/repository@sha256:…`, for engines. */
  readonly pinnedReference: string;
  readonly digest: string;
  /** All layers, the base's first. */
  readonly layers: readonly StoredLayer[];
  readonly config: ImagePush["config"];
  /** All compressed layers, and the config. */
  readonly sizeBytes: number;
}

/** A layer of an image in another registry, with the facts that the image's author stated. */
export interface RemoteLayer {
  readonly digest: string;
  /** Digest of the uncompressed tar. */
  readonly diffId: string;
  readonly isCompressed: boolean;
  /** Size of the stored, compressed layer. */
  readonly sizeBytes: number;
}

/** An image in another registry, for this machine's platform. Its documents were checked; its layers were not read. */
export interface RemoteImage {
  readonly host: string;
  readonly repository: string;
  /** Digest of the manifest. It differs from the reference's digest if the reference names an index of several platforms. */
  readonly digest: string;
  readonly manifest: { readonly mediaType: string; readonly content: Uint8Array };
  readonly config: { readonly digest: string; readonly content: Uint8Array };
  readonly layers: readonly RemoteLayer[];
  readonly process: ImageProcess;
  /** Size of all layers as stored, and of the config. */
  readonly sizeBytes: number;
  /**
   * Opens the content of a layer. The caller must verify it.
   * @throws {SlipwayError} "source-unreachable", also while it is read; "build-failed" when it is larger than the layer's stated size.
   */
  open(layer: RemoteLayer, signal: AbortSignal): Promise<DisposableBytes>;
}

/** Registries that users name. They and their content are not trusted. */
export interface RemoteImages {
  /**
   * Reads an image's documents. From an index of several platforms it takes the image for this machine.
   * @param login for the reference's registry; null for anonymous access.
   * @throws {SlipwayError} "source-unreachable" when the registry does not provide it; "build-failed" when it is no image that can run
   * here; "image-too-large".
   */
  read(
    reference: ImageReference,
    login: { readonly username: string; readonly password: string } | null,
    signal: AbortSignal,
  ): Promise<RemoteImage>;
}

export interface ImageCopy {
  /** Repository within the registry. */
  readonly repository: string;
  /** Maximum size of all layers uncompressed. */
  readonly maxUnpackedBytes: number;
  /** Called when a layer is in the repository. "present" means that its bytes were not transferred. */
  readonly onLayer: (layer: RemoteLayer, index: number, how: "copied" | "present") => void;
  /** Called with each chunk that was read. */
  readonly onProgress: () => void;
}

export interface InspectOptions {
  /**
   * Set when the caller pushes the tag if it is absent. A tag whose file in the registry is empty, after a full disk, then counts as
   * absent: the push writes it again. Default: false, an error.
   */
  readonly isPushedIfAbsent?: boolean;
}

export interface ImageRegistry extends AsyncDisposable {
  /** The registry's host and port as engines reach it, which image references begin with. */
  readonly host: string;
  /**
   * Pushes an image. The same layer, base and config give the same digest. A failed push creates no tag.
   * @throws {SlipwayError} "registry-unavailable" when the registry fails; the layer stream's own error, unchanged.
   */
  push(image: ImagePush, signal: AbortSignal): Promise<PushedImage>;
  /**
   * Reads an image's layers and configuration. From an index of several architectures it takes the image for this machine.
   * @param reference `host/repository:tag` or `host/repository@sha256:…`
   * @returns null when the registry does not have the image.
   * @throws {SlipwayError} "registry-unavailable"; "configuration-invalid" when the reference names another registry, or the
   * image is for other architectures only.
   */
  inspect(reference: string, signal: AbortSignal, options?: InspectOptions): Promise<StoredImage | null>;
  /**
   * Copies the content of an image from another registry, except its manifest: only `store` makes it an image of this one. Layers that
   * the repository has are not transferred; layers in another repository of this registry are mounted. Each is read and checked once.
   * @throws {SlipwayError} "build-failed" when a layer does not match the image's documents; "image-too-large"; "source-unreachable";
   * "registry-unavailable"; the signal's reason when aborted.
   */
  copyContent(image: RemoteImage, copy: ImageCopy, signal: AbortSignal): Promise<void>;
  /** Stores the manifest of an image whose content was copied, unchanged, under a tag. @throws {SlipwayError} "registry-unavailable". */
  store(
    image: RemoteImage,
    name: { readonly repository: string; readonly tag: string },
    signal: AbortSignal,
  ): Promise<Omit<PushedImage, "layers">>;
  /**
   * Attaches a file to an image: clients find it as a referrer of the image. Attaching the same file again has no effect.
   * @throws {SlipwayError} "registry-unavailable", also when the registry does not have the image, or takes more than 30 seconds,
   * not counting the time in which garbage collection delays writes.
   */
  attach(repository: string, digest: string, artifact: ImageArtifact, signal: AbortSignal): Promise<void>;
  /**
   * Sends a request of the distribution API with the registry's credentials. The caller decides whether the request is allowed.
   * @returns the response, whatever its status. @throws {SlipwayError} "registry-unavailable"; the signal's reason when aborted.
   */
  forward(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>;
  /** Tags of a repository's images; none when the repository does not exist. */
  tags(repository: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Digest of the image that a tag or a digest names; null when it does not exist. */
  digestOf(repository: string, reference: string, signal: AbortSignal): Promise<string | null>;
  /**
   * Deletes an image's manifest by tag or digest, the files attached to it, and every tag of the repository that names
   * the same image. Does nothing when the image does not exist.
   */
  delete(repository: string, reference: string, signal: AbortSignal): Promise<void>;
  ping(): Promise<void>;
}
