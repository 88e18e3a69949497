// Which repositories of the installation's own registry an app may name as its image.

import { SlipwayError } from "@slipway/core";
import type { ImageReference } from "@slipway/core";

/** Repositories of apps, of stacks and of toolchains. */
const ownRepositories = /^(apps|slipway)\//;

/** @throws {SlipwayError} "build-failed" for an image of another app, or of the installation. */
export function checkRepository(
  { host, repository }: ImageReference,
  { registryHosts, appId }: { readonly registryHosts: readonly string[]; readonly appId: string },
): void {
  if (!registryHosts.some((own) => own.toLowerCase() === host) || repository === `apps/${appId}`) return;
  if (!ownRepositories.test(repository)) return;
  throw new SlipwayError(
    "build-failed",
    `${host}/${repository} is a repository of this installation, which an app may not use. Use the image that it was made from, or deploy the release of the app`,
  );
}
