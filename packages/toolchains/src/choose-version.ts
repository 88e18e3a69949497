// Chooses a version of a package from those that the npm registry has.

import semver from "semver";
import type { PackageVersion } from "./packument.ts";

/** Longer ranges are not ranges that a person wrote. */
const maxRangeLength = 256;

/** @returns whether the text is a version or a range of versions, as npm understands it. */
export function isRange(text: string): boolean {
  return text.length <= maxRangeLength && semver.validRange(text) !== null;
}

/**
 * @param preferred a range: the newest version within both is chosen if there is one, else the newest within `range`.
 * @returns null when no version is within the range.
 */
export function chooseVersion(versions: readonly string[], range: string, preferred: string): string | null {
  const fitting = versions.filter((version) => semver.satisfies(version, range));
  return semver.maxSatisfying(fitting, preferred) ?? semver.maxSatisfying(fitting, range);
}

/** @returns the versions that say they run on this Node.js. */
export function versionsFor(
  versions: ReadonlyMap<string, PackageVersion>,
  nodeVersion: string,
): readonly string[] {
  return Array.from(versions)
    .filter(([, { node }]) => semver.satisfies(nodeVersion, node, { includePrerelease: true }))
    .map(([version]) => version);
}
