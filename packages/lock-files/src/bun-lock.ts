// Reads bun.lock. Packages in the source itself are omitted.

import { z } from "zod";
import { sha512Of } from "./node-locks.ts";
import type { Found, LockedPackage } from "./locked-package.ts";
import { yamlOf } from "./parsed.ts";

const names = z.record(z.string(), z.unknown()).default({});
const nodeSchema = z.object({ dependencies: names, optionalDependencies: names, peerDependencies: names });
const lockSchema = z.object({
  workspaces: z.record(
    z.string(),
    nodeSchema.extend({ name: z.string().default(""), devDependencies: names }),
  ),
  /** By the chain of names leading to a package, like nested node_modules. The first item: `name@version`, or `name@workspace:folder`. */
  packages: z.record(z.string(), z.tuple([z.string()], z.unknown())).default({}),
});

type Lock = z.output<typeof lockSchema>;

interface Wanted {
  /** Key of the requesting package; "" for the root. */
  readonly by: string;
  readonly names: readonly string[];
}

/** Longer than any path that Linux can open. */
const maxKeyLength = 4_096;
/** Maximum total length of the keys that are looked up. A monorepo of 10,000 packages needs about a tenth of it. */
const maxLookUpLength = 20_000_000;

/** All packages. Packages needed only for development have the scope "excluded". */
export function readBunLock(text: string): Found {
  return read(text, ({ workspaces }) => Object.keys(workspaces));
}

/**
 * @param workspace the workspace's path in the monorepo.
 * @returns the direct and indirect dependencies of the workspace and the root; null for a file that cannot be read, that would take too
 * long to follow, or that does not contain the workspace.
 */
export function readBunWorkspace(text: string, workspace: string): Found {
  return read(text, () => ["", workspace]);
}

function read(text: string, foldersOf: (lock: Lock) => readonly string[]): Found {
  const lock = lockSchema.safeParse(yamlOf(text));
  if (!lock.success) return null;
  const { workspaces, packages } = lock.data;
  if (Object.keys(packages).some((key) => key.length > maxKeyLength)) return null;
  const roots = foldersOf(lock.data).map((folder) => ({
    by: folder === "" ? "" : (workspaces[folder]?.name ?? ""),
    workspace: Object.hasOwn(workspaces, folder) ? workspaces[folder] : undefined,
  }));
  if (roots.some(({ workspace }) => workspace === undefined)) return null;
  const tree = new Tree(lock.data);
  const released = tree.reached(roots.map(({ by, workspace }) => ({ by, names: inReleases(workspace) })));
  const ofDevelopment = tree.reached(
    roots.map(({ by, workspace }) => ({ by, names: Object.keys(workspace?.devDependencies ?? {}) })),
  );
  if (tree.isOver) return null;
  const keys = [...new Set([...released, ...ofDevelopment])].filter((key) => !isWorkspace(packages[key]));
  const found = keys.flatMap((key) => packageOf(packages[key], released.has(key)));
  return { packages: found, isComplete: found.length === keys.length };
}

/** The last item of a registry package is its digest. */
function packageOf(items: readonly unknown[] = [], isReleased: boolean): readonly LockedPackage[] {
  const [, name, version] = /^(@?[^@]+)@(\d.*)$/.exec(String(items[0])) ?? [];
  if (name === undefined || version === undefined) return [];
  const scope = isReleased ? "required" : "excluded";
  return [{ type: "npm", name, version, scope, sha512: sha512Of(z.string().safeParse(items.at(-1)).data) }];
}

function isWorkspace(items: readonly unknown[] = []): boolean {
  return String(items[0]).includes("@workspace:");
}

function inReleases(node: Partial<z.output<typeof nodeSchema>> = {}): readonly string[] {
  return Object.keys({ ...node.dependencies, ...node.optionalDependencies, ...node.peerDependencies });
}

/** Follows dependencies, up to a maximum number of look-ups. */
class Tree {
  readonly #lock: Lock;
  #lookUpLength = 0;

  constructor(lock: Lock) {
    this.#lock = lock;
  }

  /** Whether the maximum number of look-ups was exceeded, so that the result is incomplete. */
  get isOver(): boolean {
    return this.#lookUpLength > maxLookUpLength;
  }

  /** @returns the keys of the requested packages, and of all their direct and indirect dependencies. */
  reached(starts: readonly Wanted[]): ReadonlySet<string> {
    const keys = new Set(starts.flatMap((start) => this.#found(start)));
    for (const key of keys)
      for (const one of this.#found({ by: key, names: inReleases(this.#nodeAt(key)) })) keys.add(one);
    return keys;
  }

  #nodeAt(key: string): z.output<typeof nodeSchema> | undefined {
    const { packages, workspaces } = this.#lock;
    const items = packages[key] ?? [];
    const [, folder = ""] = /@workspace:(.+)$/.exec(String(items[0])) ?? [];
    if (folder !== "") return Object.hasOwn(workspaces, folder) ? workspaces[folder] : undefined;
    return nodeSchema.safeParse(items.find((item) => typeof item === "object" && item !== null)).data;
  }

  /** Resolves names like Node.js: below the requesting package, or below its parents. */
  #found({ by, names: wanted }: Wanted): readonly string[] {
    const above = this.isOver || wanted.length === 0 ? [] : this.#above(by);
    const found: string[] = [];
    for (const name of wanted) {
      if (this.isOver) break;
      const key = above.map((prefix) => `${prefix}${name}`).find((one) => this.#has(one));
      if (key !== undefined) found.push(key);
    }
    return found;
  }

  #has(key: string): boolean {
    this.#lookUpLength += key.length;
    return Object.hasOwn(this.#lock.packages, key);
  }

  /** Prefixes of the keys of packages nested in a package or its parents, nearest first. */
  #above(key: string): readonly string[] {
    const ends = [...key.matchAll(/(?:@[^/]+\/)?[^/]+/g)].map(({ 0: name, index }) => index + name.length);
    const prefixes = ends.reverse().map((end) => `${key.slice(0, end)}/`);
    for (const prefix of prefixes) this.#lookUpLength += prefix.length;
    return [...prefixes, ""];
  }
}
