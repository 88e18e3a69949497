// The parts of Gemfile.lock that a build needs.

import { SlipwayError } from "@slipway/core";
import { lockedGems } from "@slipway/lock-files";

export interface GemfileLock {
  /** Versions by name, without the platform: nokogiri has several platforms. */
  readonly gems: ReadonlyMap<string, string>;
  /** Whether gems are folders of the source. */
  readonly hasPathGems: boolean;
}

const conflict = /^(?:<{7}|={7}|>{7})/m;

/** @throws {SlipwayError} "build-failed" for a file with a merge conflict. */
export function parseGemfileLock(text: string): GemfileLock {
  if (conflict.test(text))
    throw new SlipwayError(
      "build-failed",
      "Gemfile.lock has marks of a merge conflict. Run: bundle lock, and add the changed Gemfile.lock to the source.",
    );
  return {
    gems: new Map(lockedGems(text).map(({ name, version }) => [name, version])),
    hasPathGems: /^PATH\r?$/m.test(text),
  };
}
