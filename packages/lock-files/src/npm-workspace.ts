// Reads from npm's lock file the direct and indirect dependencies of one workspace of a monorepo, and of its root.

import { z } from "zod";
import { npmEntrySchema, npmPackages } from "./node-locks.ts";
import type { Found } from "./locked-package.ts";
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

/** Longer than any path that Linux can open. */
const maxPathLength = 4_096;
/** Maximum total length of the paths that are looked up. A monorepo of 10,000 packages needs about a tenth of it. */
const maxLookUpLength = 20_000_000;
const modules = "node_modules/";

/**
 * @param workspace the workspace's path in the monorepo. Packages needed only for its development have the scope "excluded".
 * @returns null for a file that cannot be read, that would take too long to follow, or that does not contain the workspace.
 */
export function readNpmWorkspace(text: string, workspace: string): Found {
  const lock = lockSchema.safeParse(parsed(text, JSON.parse));
  if (!lock.success || !Object.hasOwn(lock.data.packages, workspace)) return null;
  const { packages } = lock.data;
  if (Object.keys(packages).some((path) => path.length > maxPathLength)) return null;
  // An install of a workspace includes the packages of the root.
  const roots = ["", workspace].filter((path) => Object.hasOwn(packages, path));
  const tree = new Tree(packages);
  const released = tree.reachable(roots);
  const ofDevelopment = roots.flatMap((root) => tree.found(root, packages[root]?.devDependencies));
  const all = new Set([...released, ...tree.reachable(ofDevelopment)]);
  if (tree.isOver) return null;
  const kept = Object.entries(packages).filter(([path]) => all.has(path));
  return npmPackages(kept.map(([path, entry]) => [path, { ...entry, dev: !released.has(path) }]));
}

/** Follows dependencies, up to a maximum number of look-ups. */
class Tree {
  readonly #packages: Entries;
  /** Folders with packages in node_modules; "" or with a trailing slash. */
  readonly #folders: ReadonlySet<string>;
  #lookUpLength = 0;

  constructor(packages: Entries) {
    this.#packages = packages;
    const inModules = Object.keys(packages).filter((path) => path.includes(modules));
    this.#folders = new Set(inModules.map((path) => path.slice(0, path.lastIndexOf(modules))));
  }

  /** Whether the maximum number of look-ups was exceeded, so that the result is incomplete. */
  get isOver(): boolean {
    return this.#lookUpLength > maxLookUpLength;
  }

  /** @returns the paths of these entries, and of all their direct and indirect dependencies. */
  reachable(starts: readonly string[]): ReadonlySet<string> {
    const packages = this.#packages;
    const reached = new Set(starts);
    for (const path of reached) {
      const { link, resolved, dependencies, optionalDependencies, peerDependencies } = packages[
        path
      ] as Entry;
      if (link === true && resolved !== undefined && Object.hasOwn(packages, resolved)) reached.add(resolved);
      const wanted = { ...dependencies, ...optionalDependencies, ...peerDependencies };
      for (const one of this.found(path, wanted)) reached.add(one);
    }
    return reached;
  }

  /** Resolves names like Node.js: in node_modules of the folder, or of the nearest parent that has the package. */
  found(from: string, wanted: Readonly<Record<string, unknown>> = {}): readonly string[] {
    const found: string[] = [];
    const folders = this.isOver ? [] : this.#foldersAbove(from);
    for (const name of Object.keys(wanted)) {
      if (this.isOver) break;
      const folder = folders.find((one) => this.#has(`${one}${modules}${name}`));
      if (folder !== undefined) found.push(`${folder}${modules}${name}`);
    }
    return found;
  }

  #has(path: string): boolean {
    this.#lookUpLength += path.length;
    return Object.hasOwn(this.#packages, path);
  }

  /** The folder itself and its parents that contain packages, nearest first. */
  #foldersAbove(path: string): readonly string[] {
    const folders = path === "" ? [] : [`${path}/`];
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1))
      folders.push(path.slice(0, end + 1));
    for (const folder of folders) this.#lookUpLength += folder.length;
    return [...folders, ""].filter((folder) => this.#folders.has(folder));
  }
}
