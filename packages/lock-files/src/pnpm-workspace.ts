// Reads from pnpm's lock file the direct and indirect dependencies of one workspace of a monorepo, and of its root.

import { posix } from "node:path";
import { z } from "zod";
import { pnpmEntrySchema, pnpmPackages } from "./node-locks.ts";
import type { Found } from "./locked-package.ts";
import { yamlOf } from "./parsed.ts";

/** A dependency's version is a string up to pnpm 7, and since then part of an object with the specifier. */
const version = z.string().or(z.object({ version: z.string() }).transform((given) => given.version));
const versions = z.record(z.string(), version).default({});
const nodeSchema = z.object({ dependencies: versions, optionalDependencies: versions });
const lockSchema = z.object({
  importers: z.record(z.string(), nodeSchema.extend({ devDependencies: versions })),
  packages: z.record(z.string(), pnpmEntrySchema.extend(nodeSchema.shape)).default({}),
  /** Since pnpm 9: the dependencies of packages, by their keys with peers. */
  snapshots: z.record(z.string(), nodeSchema).optional(),
});

type Lock = z.output<typeof lockSchema>;
type Node = z.output<typeof nodeSchema>;

interface Wanted {
  /** Folder to which links are relative. */
  readonly folder: string;
  readonly versions: Node["dependencies"];
}

interface Reached {
  /** Keys in `packages`. */
  readonly keys: ReadonlySet<string>;
  readonly isComplete: boolean;
}

/**
 * @param workspace the workspace's path in the monorepo. Packages needed only for development have the scope "excluded".
 * @returns null for a file that cannot be read, or that does not contain the workspace.
 */
export function readPnpmWorkspace(text: string, workspace: string): Found {
  const lock = lockSchema.safeParse(yamlOf(text));
  if (!lock.success || !Object.hasOwn(lock.data.importers, workspace)) return null;
  // An install of a workspace includes the packages of the root.
  const roots = [".", workspace].flatMap((folder) => {
    const importer = lock.data.importers[folder];
    return importer === undefined ? [] : [{ folder, importer }];
  });
  const released = reached(
    lock.data,
    roots.map(({ folder, importer }) => ({ folder, versions: inReleases(importer) })),
  );
  const ofDevelopment = reached(
    lock.data,
    roots.map(({ folder, importer }) => ({ folder, versions: importer.devDependencies })),
  );
  const entries = Object.entries(lock.data.packages).flatMap(([key, entry]) => {
    const isReleased = released.keys.has(key);
    return isReleased || ofDevelopment.keys.has(key) ? [[key, { ...entry, dev: !isReleased }] as const] : [];
  });
  const { packages, isComplete } = pnpmPackages(entries);
  return { packages, isComplete: isComplete && released.isComplete && ofDevelopment.isComplete };
}

/** Follows dependencies: each package and each workspace once. */
function reached({ importers, packages, snapshots = packages }: Lock, starts: readonly Wanted[]): Reached {
  const wanted = [...starts];
  const folders = new Set<string>();
  const keys = new Set<string>();
  let isComplete = true;
  const follow = (seen: Set<string>, key: string, folder: string, node: Node | undefined) => {
    if (node === undefined) isComplete = false;
    else if (!seen.has(key)) wanted.push({ folder, versions: inReleases(node) });
    seen.add(key);
  };
  for (const { folder, versions: some } of wanted)
    for (const [name, given] of Object.entries(some)) {
      if (given.startsWith("link:")) {
        const linked = posix.join(folder, given.slice("link:".length));
        follow(folders, linked, linked, own(importers, linked));
      } else {
        const key = keysOf(name, given).find((one) => Object.hasOwn(snapshots, one)) ?? "";
        // Links of packages are relative to the root.
        follow(keys, key, ".", own(snapshots, key));
      }
    }
  return { keys: new Set([...keys].flatMap((key) => [key, key.replace(/\(.*$/s, "")])), isComplete };
}

function inReleases({ dependencies, optionalDependencies }: Node): Wanted["versions"] {
  return { ...dependencies, ...optionalDependencies };
}

/** A package under another name has its key in place of a version. */
function keysOf(name: string, given: string): readonly string[] {
  return [`${name}@${given}`, given, `/${name}@${given}`, `/${name}/${given}`];
}

function own(nodes: Readonly<Record<string, Node>>, key: string): Node | undefined {
  return Object.hasOwn(nodes, key) ? nodes[key] : undefined;
}
