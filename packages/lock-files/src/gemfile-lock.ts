// Reads the gems of Gemfile.lock. It contains no groups, so development gems are listed like the others.

import type { Found, LockedPackage } from "./locked-package.ts";

export interface LockedGem {
  readonly name: string;
  /** Version without the platform. */
  readonly version: string;
  /** Whether the gem is a folder of the source. */
  readonly isInSource: boolean;
}

const gem = /^ {4}([A-Za-z0-9][\w.-]*) \((\d[\w.]*)(?:-[\w.-]+)?\)!?$/;

/** @returns the gems in the order of the file; a gem with several platforms is repeated. */
export function lockedGems(text: string): readonly LockedGem[] {
  const gems: LockedGem[] = [];
  let isInSource = false;
  for (const line of text.split(/\r?\n/)) {
    if (/^[A-Z]/.test(line)) isInSource = line === "PATH";
    const [, name, version = ""] = gem.exec(line) ?? [];
    if (name !== undefined) gems.push({ name, version, isInSource });
  }
  return gems;
}

/** Gems in folders of the source are omitted. */
export function readGemfileLock(text: string): Found {
  if (!/^(?:GEM|GIT|PATH|PLUGIN SOURCE|DEPENDENCIES)$/m.test(text)) return null;
  const packages = new Map<string, LockedPackage>();
  for (const { name, version, isInSource } of lockedGems(text))
    if (!isInSource)
      packages.set(`${name} ${version}`, { type: "gem", name, version, scope: "required", sha512: null });
  return { packages: [...packages.values()], isComplete: true };
}
