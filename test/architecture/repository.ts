// The subject of the architecture tests: the workspaces, their files and the imports of these files.

import { globSync, readFileSync } from "node:fs";
import type { Dirent } from "node:fs";
import { dirname, join, posix } from "node:path";

const root = join(import.meta.dirname, "..", "..");

export interface Workspace {
  /** Path relative to the repository, for example `packages/core`. */
  readonly folder: string;
  /** For example `@slipway/core`. */
  readonly name: string;
  /** The tags in the workspace's turbo.json. */
  readonly tags: readonly string[];
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
  /** Specifiers by which other workspaces import it. */
  readonly exports: readonly string[];
}

/** Paths in the repository that match a glob, in order. Installed packages and state are left out. */
export function filesOf(pattern: string): string[] {
  return globSync(pattern, { cwd: root, exclude: isNoSource, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted();
}

/** @param path the file's path relative to the repository. */
export function textOf(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

export function workspaces(): Workspace[] {
  return filesOf("{apps/*,packages/*,tools}/package.json").map((path) => {
    const folder = dirname(path);
    const manifest = JSON.parse(textOf(path)) as Manifest;
    const { tags } = JSON.parse(textOf(`${folder}/turbo.json`)) as { tags: string[] };
    return {
      folder,
      name: manifest.name,
      tags,
      dependencies: Object.keys(manifest.dependencies ?? {}),
      devDependencies: Object.keys(manifest.devDependencies ?? {}),
      exports: Object.keys(manifest.exports ?? {}).map((subpath) => posix.join(manifest.name, subpath)),
    };
  });
}

/** For each tag, the tags that it may depend on, from the root's turbo.json. */
export function allowedTags(): Readonly<Record<string, readonly string[]>> {
  const { boundaries } = JSON.parse(textOf("turbo.json")) as TurboRoot;
  return Object.fromEntries(
    Object.entries(boundaries.tags).map(([tag, { dependencies }]) => [tag, dependencies.allow]),
  );
}

/** Module specifiers in a TypeScript file: of imports, of re-exports, and of `import()`. */
export function importsOf(path: string): string[] {
  const statements = /(?:\bfrom|\bimport)\s*\(?\s*"([^"\n]+)"/g;
  return Array.from(textOf(path).matchAll(statements), ([, specifier]) => specifier ?? "");
}

/** A TypeScript file without its comments. The approximation is sufficient here: a string that contains `//` loses its end. */
export function codeOf(path: string): string {
  return textOf(path)
    .replaceAll(/\/\*[^]*?\*\//g, "")
    .replaceAll(/(^|\s)\/\/.*$/gm, "");
}

/** Whether a path is part of the tests, not of the code that runs in production. */
export function isTest(path: string): boolean {
  return /\.test\.ts$|-under-test\.ts$|(^|\/)test-[\w-]+\.ts$|(^|\/)test-support\//.test(path);
}

function isNoSource({ name }: Dirent): boolean {
  return name === "node_modules" || name === ".slipway" || name === ".git";
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, string>>;
}

interface TurboRoot {
  readonly boundaries: {
    readonly tags: Readonly<Record<string, { readonly dependencies: { readonly allow: readonly string[] } }>>;
  };
}
