// Reads composer.lock. Packages are downloaded as archives that their repositories generate, so they have no comparable digests.

import { z } from "zod";
import { parsed } from "./parsed.ts";
import type { Found, LockedPackage } from "./locked-package.ts";

const group = z.array(z.object({ name: z.string(), version: z.string() })).default([]);
const lockSchema = z.object({ packages: group, "packages-dev": group });

export function readComposerLock(text: string): Found {
  const lock = lockSchema.safeParse(parsed(text, JSON.parse));
  if (!lock.success) return null;
  const { packages, "packages-dev": development } = lock.data;
  const found = (scope: LockedPackage["scope"]) => (one: z.output<typeof group>[number]) =>
    composer(one, scope);
  return {
    packages: [...packages.map(found("required")), ...development.map(found("excluded"))],
    isComplete: true,
  };
}

/** Names are in lower case in package URLs. */
function composer(
  { name, version }: z.output<typeof group>[number],
  scope: LockedPackage["scope"],
): LockedPackage {
  return { type: "composer", name: name.toLowerCase(), version, scope, sha512: null };
}
