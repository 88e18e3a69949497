// The input of a build's plan.

import { posix } from "node:path";

/** The input of a plan: the source's control files, and the names in the project directory. */
export interface PlanSource {
  /** Content of control files by path. */
  readonly captured: ReadonlyMap<string, Buffer>;
  /** Control files that exist, but are larger than their maximum size. */
  readonly oversized: ReadonlySet<string>;
  /** Names in the project directory; folder names end with a slash. */
  readonly names: readonly string[];
  /** Files that an install in a monorepo may read, by path; null when they are not all known. */
  readonly scattered?: ReadonlyMap<string, Buffer> | null;
  /** Links in the source; null when they are not all known. */
  readonly links?: readonly Link[] | null;
  /** The app's variables. */
  readonly variables: Readonly<Record<string, string>>;
}

interface Link {
  readonly path: string;
  readonly target: string;
  readonly leadsToFile: boolean;
}

/** @returns the folder that PROJECT_DIR names, relative to the source; "" for the source itself. */
export function projectDirectory({ PROJECT_DIR: given = "" }: Readonly<Record<string, string>>): string {
  const path = posix.normalize(given).replace(/^\/+|\/+$/g, "");
  return path === "." || path === ".." || path.startsWith("../") ? "" : path;
}

/** Whether the project directory has a control file, or a link in its place. */
export function controlFileExists(
  { captured, oversized, links = null, variables }: PlanSource,
  name: string,
): boolean {
  const path = posix.join(projectDirectory(variables), name);
  return captured.has(path) || oversized.has(path) || (links ?? []).some((link) => link.path === path);
}
