// Files that a toolchain adds to releases: programs of Slipway that serve apps.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultStacksDir } from "./stack-files.ts";

/** @returns the contents of the files in stacks/launch/FOLDER by name, sorted. */
export function launchFiles(folder: string): ReadonlyMap<string, Buffer> {
  const path = join(defaultStacksDir, "launch", folder);
  return new Map(
    readdirSync(path)
      .toSorted()
      .map((name) => [name, readFileSync(join(path, name))]),
  );
}

/** @returns a script of stacks/packages, which runs in a container of a stack image. */
export function packagesScript(name: "list" | "unpack"): string {
  return readFileSync(join(defaultStacksDir, "packages", name), "utf8");
}
