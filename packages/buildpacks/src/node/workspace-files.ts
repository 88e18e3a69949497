// The files that an install in a monorepo reads: the manifests and settings of all its folders. Globs of workspaces are not evaluated, so
// the manifest of a folder that is no workspace counts as well.

import { posix } from "node:path";
import type { Monorepo } from "../language.ts";
import { type PackageJson, parsePackageJson } from "./package-json.ts";

/** Files captured in any folder, with their maximum sizes in bytes. The install compiles a binding.gyp, with files of the source. */
export const workspaceFileNames: ReadonlyMap<string, number> = new Map([
  ["package.json", 256 * 1024],
  [".npmrc", 64 * 1024],
  [".yarnrc.yml", 64 * 1024],
  ["binding.gyp", 0],
]);
/** Package managers link the programs of workspaces if they exist, and make them executable. */
const programFields = ["bin", "directories", "man"];

export interface WorkspaceFiles {
  readonly files: ReadonlyMap<string, Buffer>;
  /** Manifests by folder path; "" for the root's. */
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

/** The package manager itself reports errors in a manifest. */
function readable(content: Buffer): PackageJson | null {
  try {
    return parsePackageJson(content.toString("utf8"));
  } catch {
    return null;
  }
}
