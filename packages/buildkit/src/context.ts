// Decides which files of a source are part of a build's context.

import { createRequire } from "node:module";
import type dockerignoreModule from "@balena/dockerignore";

/** The package is a CommonJS module, although its types declare an ES module. */
const dockerignore = createRequire(import.meta.url)(
  "@balena/dockerignore",
) as typeof dockerignoreModule.default;

/**
 * @param ignore text of the .dockerignore; null without one. @param kept paths that are included even if the .dockerignore excludes them.
 * @returns whether a file, link or folder is part of the context, by its path in it.
 */
export function contextFilter(ignore: string | null, kept: readonly string[]): (path: string) => boolean {
  if (ignore === null) return () => true;
  const rules = dockerignore({ ignorecase: false }).add(ignore.split(/\r?\n/));
  const always = new Set(kept);
  return (path) => always.has(path) || !rules.ignores(path);
}
