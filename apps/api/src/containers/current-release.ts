// The release that an app's containers run.

import type { App, Release, Store } from "@slipway/core";

/** @returns null before the first release. */
export async function currentRelease(
  { releases }: Pick<Store, "releases">,
  { currentReleaseId }: App,
): Promise<Release | null> {
  return currentReleaseId === null ? null : releases.get(currentReleaseId);
}
