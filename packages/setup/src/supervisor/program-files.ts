// Lists files of a process's program in addition to its script: packages, and the web console that the API serves.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AppKind } from "./process-user.ts";

/**
 * One file of each package that the process depends on, and of the console once it is built: after an installation by root with a strict
 * umask, or a copy of node_modules, all of them may be unreadable for other users.
 * @param root folder of the repository. @throws the system's error when the app is missing.
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
