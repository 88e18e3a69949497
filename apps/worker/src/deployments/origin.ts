// The source of an image, as its receipt states it.

import { parseImageReference } from "@slipway/core";
import type { BuilderKind, Deployment } from "@slipway/core";
import { shownUrl } from "./image-annotations.ts";
import type { Plan } from "./phases/plan.ts";

export interface Origin {
  readonly builder: BuilderKind;
  /** The source's URL; null for an upload. */
  readonly url: string | null;
  /** Hexadecimal SHA-256 of the archive, or of the manifest or index that the deployment named. */
  readonly sha256: string;
  /** Hexadecimal SHA-256 of the files in the archive; null for an image. */
  readonly treeSha256: string | null;
  /** Versions of the toolchain's programs by name. */
  readonly toolchain: Readonly<Record<string, string>>;
  /** Reference of the image with the toolchain; null for none. */
  readonly toolchainImage: string | null;
}

/** The origin of an image that was built from a source. */
export function plannedOrigin(
  deployment: Pick<Deployment, "source">,
  { builder, source, language }: Plan,
): Origin {
  return {
    builder,
    url: shownUrl(deployment),
    sha256: source.archiveDigest,
    treeSha256: source.digest,
    toolchain: language?.versions ?? {},
    toolchainImage: language?.images.run ?? null,
  };
}

/** The origin of an image that was built elsewhere, with a package URL (https://github.com/package-url/purl-spec). */
export function imageOrigin(reference: string): Origin {
  const { host, repository, digest } = parseImageReference(reference);
  const name = repository.slice(repository.lastIndexOf("/") + 1);
  const url = `pkg:oci/${name}@${encodeURIComponent(digest)}?repository_url=${host}/${repository}`;
  const sha256 = digest.replace("sha256:", "");
  return { builder: "image", url, sha256, treeSha256: null, toolchain: {}, toolchainImage: null };
}
