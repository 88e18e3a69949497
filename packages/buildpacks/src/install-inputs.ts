// The inputs that determine the result of an install of dependencies: files of the source, and variables of the app.

import { createHash } from "node:crypto";
import type { LanguageSource } from "./language.ts";

/** Names and values, sorted by name. */
export type DecisiveVariables = readonly (readonly [string, string])[];

/** The files that exist, except those that are not regular files or are too large. */
export function presentFiles(
  { names, read }: Pick<LanguageSource, "names" | "read">,
  wanted: readonly string[],
): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const name of wanted) {
    const content = names.includes(name) ? read(name) : undefined;
    if (content !== undefined) files.set(name, content);
  }
  return files;
}

export function decisiveVariables(
  variables: LanguageSource["variables"],
  isDecisive: (name: string) => boolean,
): DecisiveVariables {
  return Object.entries(variables)
    .filter(([name]) => isDecisive(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Whether a variable with a matching name contains the path of a file or folder of the source, which an install may read. */
export function namesSourceFile(
  { variables, names }: Pick<LanguageSource, "variables" | "names">,
  variable: RegExp,
): boolean {
  const exists = (path: string) => {
    const [first = "", ...rest] = path.replace(/^(?:\.\/|\/work\/build\/)+/, "").split("/");
    return names.includes(`${first}/`) || (rest.length === 0 && names.includes(first));
  };
  return Object.entries(variables).some(
    ([name, value]) => variable.test(name) && value.split(/[\s=,;"']+/).some(exists),
  );
}

/**
 * Whether a variable with a matching name may contain a path of the source, when the source's files are not known: any path that is
 * relative, or below the build's folder.
 */
export function mayNameSourceFile(
  { variables }: Pick<LanguageSource, "variables">,
  variable: RegExp,
): boolean {
  const isPath = (text: string) => /^(?:\/work\/build\/|file:|[^/:-][^:]*(?:\/|\.\w+$))/.test(text);
  return Object.entries(variables).some(
    ([name, value]) => variable.test(name) && value.split(/[\s=,;"']+/).some(isPath),
  );
}

/**
 * @param workspace the app's path in its monorepo; null for any other app.
 * @returns the SHA-256 in hex; it does not depend on the order of the files.
 */
export function installDigest(
  files: ReadonlyMap<string, Buffer>,
  variables: DecisiveVariables,
  workspace: string | null = null,
): string {
  const hash = createHash("sha256");
  // An archive may contain its files in any order.
  for (const [name, content] of [...files].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(`${name} ${content.length}\n`).update(content);
  return hash.update(JSON.stringify([variables, workspace])).digest("hex");
}
