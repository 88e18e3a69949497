// Decides which images built elsewhere an app may deploy.

import { isSameRegistry, SlipwayError } from "@slipway/core";
import type { BuilderKind, ImageReference } from "@slipway/core";

/** Repositories of apps, of stacks and of toolchains. */
const ownRepositories = /^(apps|slipway)\//;

/**
 * @param builders the builders that the operator allows.
 * @param own the hosts of the installation's registry, and the app, which may deploy from its own repository.
 * @throws {SlipwayError} "no-buildpack" when the operator allows no images; "build-failed" for an image of another app or of the
 * installation.
 */
export function checkReference(
  { host, repository }: ImageReference,
  builders: readonly BuilderKind[],
  own: { readonly registryHosts: readonly string[]; readonly appId: string },
): void {
  if (!builders.includes("image"))
    throw new SlipwayError(
      "no-buildpack",
      "this installation does not allow images that were made elsewhere: its operator would have to add image to BUILDERS",
      { hint: "Deploy the source instead, or ask the operator to add image to BUILDERS" },
    );
  const isInOwnRegistry = own.registryHosts.some((registryHost) => isSameRegistry(registryHost, host));
  if (!isInOwnRegistry || repository === `apps/${own.appId}` || !ownRepositories.test(repository)) return;
  throw new SlipwayError(
    "build-failed",
    `${host}/${repository} is a repository of this installation, which an app may not use. Use the image that it was made from, or deploy the release of the app`,
  );
}
