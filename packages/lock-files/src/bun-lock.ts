// Reads bun.lock. Packages of the source itself are left out.

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
  /** By the names that lead to it, as folders of node_modules do. The first item is `name@version`, or `name@workspace:folder`. */
  packages: z.record(z.string(), z.tuple([z.string()], z.unknown())).default({}),
});

type Lock = z.output<typeof lockSchema>;

interface Wanted {
  /** Key of what asks for them; "" for the root. */
  readonly by: string;
  readonly names: readonly string[];
}

/** Longer than any path that Linux can open. */
const maxKeyLength = 4_096;
/** Maximum total length of the keys that are looked up. A monorepo of 10,000 packages needs about a tenth of it. */
const maxLookUpLength = 20_000_000;

/** All packages. Those that only development needs have the scope "excluded". */
export function readBunLock(text: string): Found {
  return read(text, ({ workspaces }) => Object.keys(workspaces));
}

/**
 * @param workspace its path in the monorepo.
 * @returns the packages that it and the root depend on, directly or not; null for a file that cannot be read, that would take too long to
 * follow, or that does not have the workspace.
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

/** A package from a registry has its digest last. */
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

/** Follows dependencies, and stops when it has looked up too many. */
class Tree {
  readonly #lock: Lock;
  #lookUpLength = 0;

  constructor(lock: Lock) {
    this.#lock = lock;
  }

  /** Whether it has looked up too many: then what it found is not all. */
  get isOver(): boolean {
    return this.#lookUpLength > maxLookUpLength;
  }

  /** @returns the keys of what is wanted, and of all that this depends on. */
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

  /** As Node.js finds packages: below the one that asks, or below those that it is in. */
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

  /** What the keys of packages in it begin with, the nearest first. */
  #above(key: string): readonly string[] {
    const ends = [...key.matchAll(/(?:@[^/]+\/)?[^/]+/g)].map(({ 0: name, index }) => index + name.length);
    const prefixes = ends.reverse().map((end) => `${key.slice(0, end)}/`);
    for (const prefix of prefixes) this.#lookUpLength += prefix.length;
    return [...prefixes, ""];
  }
}
