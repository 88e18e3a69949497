// The bundled buildpacks, and the files that are uploaded into a build container to run them.

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { defaultStacksDir } from "./stack-files.ts";

/** A file or folder to upload to /work. The uploader makes the build's user its owner. */
export interface BuildFile {
  readonly kind: "file" | "directory";
  /** Relative path; a directory's path ends with a slash. */
  readonly name: string;
  readonly mode: number;
  /** Empty for a directory. */
  readonly content: Buffer;
}

export interface BundledBuildpacks {
  /** In the order in which their bin/detect scripts run. */
  readonly names: readonly string[];
  /**
   * The tree to upload to /work: `runner/…`, `buildpacks/lib/…` and `buildpacks/NAME/…`, directories before their content. The
   * files are read by the first call and cached.
   */
  entries(): AsyncGenerator<BuildFile>;
}

/**
 * From the most to the least specific: an app's own scripts; then index.php or composer.json, and Gemfile, since many of these apps have a
 * package.json as well (a composer.json without index.php is tried before it); then package.json, a list of Python packages, go.mod, and
 * index.html.
 */
const detectOrder = ["inline", "php", "ruby", "nodejs", "python", "go", "static"] as const;

/** @param stacksDir the folder that contains `runner/` and `buildpacks/`. */
export function bundledBuildpacks(stacksDir: string = defaultStacksDir): BundledBuildpacks {
  let kept: readonly BuildFile[] | undefined;
  return {
    names: detectOrder,
    async *entries() {
      kept ??= await Array.fromAsync(readEntries(stacksDir));
      yield* kept;
    },
  };
}

async function* readEntries(stacksDir: string): AsyncGenerator<BuildFile> {
  yield* tree(stacksDir, "runner");
  yield directory("buildpacks");
  yield* tree(stacksDir, "buildpacks/lib");
  for (const name of detectOrder) yield* tree(stacksDir, `buildpacks/${name}`);
}

function directory(path: string): BuildFile {
  return { kind: "directory", name: `${path}/`, mode: 0o755, content: Buffer.alloc(0) };
}

async function* tree(root: string, path: string): AsyncGenerator<BuildFile> {
  yield directory(path);
  const children = await readdir(join(root, path), { withFileTypes: true });
  for (const child of children.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const childPath = `${path}/${child.name}`;
    if (child.isDirectory()) yield* tree(root, childPath);
    else if (child.isFile()) yield await file(root, childPath);
  }
}

async function file(root: string, path: string): Promise<BuildFile> {
  const [content, { mode }] = await Promise.all([readFile(join(root, path)), stat(join(root, path))]);
  return { kind: "file", name: path, mode: mode & 0o100 ? 0o755 : 0o644, content };
}
