// Finds installed programs.

import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { searchPath } from "../child-environment.ts";

/** The absolute path of `program`; undefined when it is not installed. */
export async function findProgram(program: string): Promise<string | undefined> {
  for (const folder of searchPath().split(":")) {
    const path = join(folder, program);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
