// What an image says of its source, by the names that OCI defines.
// Format: https://github.com/opencontainers/image-spec/blob/v1.1.1/annotations.md

import type { Deployment } from "@slipway/core";

/**
 * @param created of a build whose result does not depend on its time, the time of its source.
 * @returns the same for the same arguments.
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
 * The source's URL without user, password, parameters and fragment, since more users see it than may read the source.
 * @returns null when the source is no URL.
 */
export function shownUrl({ source }: Pick<Deployment, "source">): string | null {
  if (source.kind !== "url") return null;
  const { origin, pathname } = new URL(source.url);
  return `${origin}${pathname}`;
}
