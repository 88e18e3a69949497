// Reads the gems of Gemfile.lock. It names no groups, so those for development are listed like the others.

import type { Found, LockedPackage } from "./package.ts";

const gem = /^ {4}([A-Za-z0-9][\w.-]*) \((\d[\w.]*)(?:-[\w.-]+)?\)$/;

/** Gems that are folders of the source are left out. */
export function readGemfileLock(text: string): Found {
  if (!/^(?:GEM|GIT|PATH|PLUGIN SOURCE|DEPENDENCIES)$/m.test(text)) return null;
  const packages = new Map<string, LockedPackage>();
  let isPath = false;
  for (const line of text.split(/\r?\n/)) {
    if (/^[A-Z]/.test(line)) isPath = line === "PATH";
    const [, name, version = ""] = gem.exec(line) ?? [];
    if (name === undefined || isPath) continue;
    // One for each platform.
    packages.set(`${name} ${version}`, { type: "gem", name, version, scope: "required", sha512: null });
  }
  return { packages: [...packages.values()], isComplete: true };
}
