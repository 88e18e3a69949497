// Reads from yarn.lock the packages of one workspace of a monorepo. Yarn 1 installs the packages of all workspaces.

import { berryEntries, berryPackages, isYarn1Lock, readYarnLock } from "./node-locks.ts";
import type { Found } from "./locked-package.ts";

/**
 * @param workspace the workspace's path in the monorepo. Development packages are not marked, because the file does not distinguish them.
 * @returns the direct and indirect dependencies of the workspace and the root; null for a file that cannot be read, or that does not
 * contain the workspace.
 */
export function readYarnWorkspace(text: string, workspace: string): Found {
  if (isYarn1Lock(text)) return readYarnLock(text);
  const entries = berryEntries(text) ?? [];
  const isAt = (folder: string) => (entry: (typeof entries)[number]) =>
    entry[1].resolution.endsWith(`@workspace:${folder}`);
  const root = entries.find(isAt("."));
  const start = entries.find(isAt(workspace));
  if (start === undefined) return null;
  const answers = new Map(
    entries.flatMap((entry) => entry[0].split(/,\s*/).map((request) => [request, entry] as const)),
  );
  const reached = new Set([...(root === undefined ? [] : [root]), start]);
  let isComplete = true;
  for (const [, { dependencies }] of reached)
    for (const [name, range] of Object.entries(dependencies)) {
      // Up to yarn 3, the range has no protocol.
      const entry = answers.get(`${name}@${range}`) ?? answers.get(`${name}@npm:${range}`);
      if (entry === undefined) isComplete = false;
      else reached.add(entry);
    }
  const found = berryPackages([...reached]);
  return { ...found, isComplete: found.isComplete && isComplete };
}
