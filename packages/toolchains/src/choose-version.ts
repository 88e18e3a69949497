// Chooses a version of a package from the versions in the npm registry.

import semver from "semver";
import type { PackageVersion } from "./packument.ts";

/** Longer texts are not ranges written by a person. */
const maxRangeLength = 256;

/** @returns whether the text is a version or a range of versions, as npm understands it. */
export function isRange(text: string): boolean {
  return text.length <= maxRangeLength && semver.validRange(text) !== null;
}

/**
 * @param preferred a range: the newest version within both ranges is chosen if there is one, otherwise the newest within `range`.
 * @returns null when no version is within the range.
 */
export function chooseVersion(versions: readonly string[], range: string, preferred: string): string | null {
  const fitting = versions.filter((version) => semver.satisfies(version, range));
  return semver.maxSatisfying(fitting, preferred) ?? semver.maxSatisfying(fitting, range);
}

/** @returns the versions that declare support for this Node.js. */
export function versionsFor(
  versions: ReadonlyMap<string, PackageVersion>,
  nodeVersion: string,
): readonly string[] {
  return Array.from(versions)
    .filter(([, { node }]) => semver.satisfies(nodeVersion, node, { includePrerelease: true }))
    .map(([version]) => version);
}
