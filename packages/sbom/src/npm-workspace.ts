// Reads what a lock file of npm says about one workspace of a monorepo: the packages that it and the root depend on, directly or not.

import { posix } from "node:path";
import { z } from "zod";
import { npmEntrySchema, npmPackages } from "./node-locks.ts";
import type { Found } from "./package.ts";
import { parsed } from "./parsed.ts";

const names = z.record(z.string(), z.unknown()).default({});
const entrySchema = npmEntrySchema.extend({
  resolved: z.string().optional(),
  dependencies: names,
  devDependencies: names,
  optionalDependencies: names,
  peerDependencies: names,
});
const lockSchema = z.object({ packages: z.record(z.string(), entrySchema) });

type Entry = z.output<typeof entrySchema>;
type Entries = Readonly<Record<string, Entry>>;

/**
 * @param workspace its path in the monorepo. The packages that only its development needs have the scope "excluded".
 * @returns null for a file that cannot be read, or that does not have the workspace.
 */
export function readNpmWorkspace(text: string, workspace: string): Found {
  const lock = lockSchema.safeParse(parsed(text, JSON.parse));
  if (!lock.success || !Object.hasOwn(lock.data.packages, workspace)) return null;
  const { packages } = lock.data;
  // An install of a workspace includes the packages of the root.
  const roots = ["", workspace].filter((path) => Object.hasOwn(packages, path));
  const released = reachable(packages, roots);
  const ofDevelopment = roots.flatMap((root) => found(packages, root, packages[root]?.devDependencies));
  const all = new Set([...released, ...reachable(packages, ofDevelopment)]);
  const kept = Object.entries(packages).filter(([path]) => all.has(path));
  return npmPackages(kept.map(([path, entry]) => [path, { ...entry, dev: !released.has(path) }]));
}

/** @returns the paths of these entries, and of all that they depend on. */
function reachable(packages: Entries, starts: readonly string[]): ReadonlySet<string> {
  const reached = new Set(starts);
  for (const path of reached) {
    const { link, resolved, dependencies, optionalDependencies, peerDependencies } = packages[path] as Entry;
    if (link === true && resolved !== undefined && Object.hasOwn(packages, resolved)) reached.add(resolved);
    const wanted = { ...dependencies, ...optionalDependencies, ...peerDependencies };
    for (const one of found(packages, path, wanted)) reached.add(one);
  }
  return reached;
}

function found(
  packages: Entries,
  from: string,
  wanted: Readonly<Record<string, unknown>> = {},
): readonly string[] {
  return Object.keys(wanted).flatMap((name) => resolve(packages, from, name) ?? []);
}

/** As Node.js finds packages: in node_modules of the folder, or of the nearest one above that has it. */
function resolve(packages: Entries, from: string, name: string): string | undefined {
  for (let folder = from; ; folder = posix.dirname(folder)) {
    const path = posix.join(folder, "node_modules", name);
    if (Object.hasOwn(packages, path)) return path;
    if (folder === "" || folder === ".") return undefined;
  }
}
