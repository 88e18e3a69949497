// Finds the root of the monorepo in which an app is a workspace.

import { posix } from "node:path";
import { lockFileNames } from "./package-manager.ts";

interface Files {
  /** Content of a control file of the source; undefined when it has none. */
  readonly read: (path: string) => Buffer | undefined;
  /** Whether the source has this control file, whatever its size. */
  readonly exists: (path: string) => boolean;
}

/** @returns the parent folders of a folder of the source, the nearest first; "" is the source itself. */
export function foldersAbove(folder: string): readonly string[] {
  if (folder === "") return [];
  const above = posix.dirname(folder);
  return above === "." ? [""] : [above, ...foldersAbove(above)];
}

/**
 * @param folder the app's folder, relative to the source.
 * @returns the nearest folder above that has workspaces; null when there is none, or when the app has a lock file of its own.
 */
export function monorepoRoot(folder: string, { read, exists }: Files): string | null {
  if (lockFileNames.some((name) => exists(posix.join(folder, name)))) return null;
  const hasWorkspaces = (above: string): boolean => {
    const manifest = read(posix.join(above, "package.json"))?.toString("utf8");
    if (manifest === undefined) return false;
    const settings = read(posix.join(above, "pnpm-workspace.yaml"))?.toString("utf8") ?? "";
    return /^packages:/m.test(settings) || namesWorkspaces(manifest);
  };
  return foldersAbove(folder).find(hasWorkspaces) ?? null;
}

function namesWorkspaces(manifest: string): boolean {
  try {
    const { workspaces = null } = JSON.parse(manifest) as { readonly workspaces?: unknown };
    return workspaces !== null && workspaces !== false;
  } catch {
    // The package manager itself reports errors in the file.
    return false;
  }
}
