// What the architecture tests look at: the workspaces, their files and what these import.

import { globSync, readFileSync } from "node:fs";
import type { Dirent } from "node:fs";
import { dirname, join, posix } from "node:path";

const root = join(import.meta.dirname, "..", "..");

export interface Workspace {
  /** Relative to the repository, e.g. `packages/core`. */
  readonly folder: string;
  /** E.g. `@slipway/core`. */
  readonly name: string;
  /** From its turbo.json. */
  readonly tags: readonly string[];
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
  /** Specifiers by which others import it. */
  readonly exports: readonly string[];
}

/** Paths of the repository that a glob matches, installed packages and state left out, in order. */
export function filesOf(pattern: string): string[] {
  return globSync(pattern, { cwd: root, exclude: isNoSource, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted();
}

/** @param path relative to the repository. */
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

/** For each tag the tags it may depend on, from the root's turbo.json. */
export function allowedTags(): Readonly<Record<string, readonly string[]>> {
  const { boundaries } = JSON.parse(textOf("turbo.json")) as TurboRoot;
  return Object.fromEntries(
    Object.entries(boundaries.tags).map(([tag, { dependencies }]) => [tag, dependencies.allow]),
  );
}

/** Module specifiers in a TypeScript file: of imports, of exports from elsewhere, and of `import()`. */
export function importsOf(path: string): string[] {
  const statements = /(?:\bfrom|\bimport)\s*\(?\s*"([^"\n]+)"/g;
  return Array.from(textOf(path).matchAll(statements), ([, specifier]) => specifier ?? "");
}

/** A TypeScript file without its comments. Good enough to tell code from prose: a string with `//` in it loses its end. */
export function codeOf(path: string): string {
  return textOf(path)
    .replaceAll(/\/\*[^]*?\*\//g, "")
    .replaceAll(/(^|\s)\/\/.*$/gm, "");
}

/** Part of a test run, not of what runs in production. */
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
