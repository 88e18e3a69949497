// The files that an install in a monorepo reads: the manifests and settings of all its folders. No glob is read, so a manifest of a
// folder that is no workspace counts as well.

import { posix } from "node:path";
import type { Monorepo } from "../language.ts";
import { type PackageJson, parsePackageJson } from "./package-json.ts";

/** Copied wherever they are, with their maximum sizes in bytes. A binding.gyp is compiled by the install, with files of the source. */
export const workspaceFileNames: ReadonlyMap<string, number> = new Map([
  ["package.json", 256 * 1024],
  [".npmrc", 64 * 1024],
  [".yarnrc.yml", 64 * 1024],
  ["binding.gyp", 0],
]);
/** Package managers link the programs of workspaces if they find them, and make them executable. */
const programFields = ["bin", "directories", "man"];

export interface WorkspaceFiles {
  readonly files: ReadonlyMap<string, Buffer>;
  /** Manifests by the path of their folder; "" for the root's. */
  readonly manifests: ReadonlyMap<string, PackageJson>;
}

/**
 * @param installScripts names of scripts that an install runs.
 * @returns null when an install may read other files of the source, or when that cannot be known.
 */
export function workspaceFiles(
  { files }: Pick<Monorepo, "files">,
  installScripts: readonly string[],
): WorkspaceFiles | null {
  if (files === null) return null;
  const manifests = new Map<string, PackageJson>();
  for (const [path, content] of files) {
    if (posix.basename(path) !== "package.json") continue;
    const manifest = readable(content);
    if (manifest === null) return null;
    const folder = posix.dirname(path);
    manifests.set(folder === "." ? "" : folder, manifest);
  }
  const readsMore = ([folder, manifest]: readonly [string, PackageJson]) =>
    installScripts.some((name) => (manifest.scripts[name] ?? "") !== "") ||
    (folder !== "" && programFields.some((name) => manifest[name] !== undefined));
  return [...manifests].some(readsMore) ? null : { files, manifests };
}

/** The package manager itself reports what is wrong with a manifest. */
function readable(content: Buffer): PackageJson | null {
  try {
    return parsePackageJson(content.toString("utf8"));
  } catch {
    return null;
  }
}
