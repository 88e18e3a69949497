// Lists files that the program of a process consists of, besides its script: packages, and the web console that the API serves.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AppKind } from "./process-user.ts";

/**
 * One file of each package that the process names, and of the console once it is built: an installation by root with a strict umask,
 * or a copy of node_modules, makes all of them unreadable for others.
 * @param root folder of the repository. @throws the system's error when it lacks the app.
 */
export async function programFiles(kind: AppKind, root: string): Promise<string[]> {
  const folder = join(root, "apps", kind);
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    dependencies?: Readonly<Record<string, string>>;
  };
  const packages = Object.keys(manifest.dependencies ?? {}).map((name) => {
    const own = join(folder, "node_modules", name);
    return join(existsSync(own) ? own : join(root, "node_modules", name), "package.json");
  });
  const console = join(root, "apps/console/dist/index.html");
  return kind === "api" && existsSync(console) ? [...packages, console] : packages;
}
