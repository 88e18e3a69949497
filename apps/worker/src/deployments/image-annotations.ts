// Annotations that describe the source of an image, with the names that OCI defines.
// Format: https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md

import type { Deployment } from "@slipway/core";

/**
 * @param created the time of the source, so that the image does not depend on the time of the build.
 * @returns the same annotations for the same arguments.
 */
export function imageAnnotations(
  deployment: Pick<Deployment, "source" | "gitRef">,
  created: Date,
): Readonly<Record<string, string>> {
  const { gitRef } = deployment;
  const url = shownUrl(deployment);
  return {
    "org.opencontainers.image.created": created.toISOString(),
    ...(gitRef === null ? {} : { "org.opencontainers.image.revision": gitRef }),
    ...(url === null ? {} : { "org.opencontainers.image.source": url }),
  };
}

/**
 * The source's URL without user, password, parameters and fragment, because users who may not read the source can see the annotations.
 * @returns null when the source is not a URL.
 */
export function shownUrl({ source }: Pick<Deployment, "source">): string | null {
  if (source.kind !== "url") return null;
  const { origin, pathname } = new URL(source.url);
  return `${origin}${pathname}`;
}
