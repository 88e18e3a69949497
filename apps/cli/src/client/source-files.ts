// Lists the files of a source folder for its archive, by .gitignore and .slugignore.

import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import ignore from "ignore";
import type { Ignore } from "ignore";
import { CommandError } from "./command-error.ts";

export interface SourceFile {
  readonly kind: "file" | "directory" | "symlink";
  /** The path relative to the folder, with slashes. */
  readonly path: string;
  readonly isExecutable: boolean;
  readonly sizeBytes: number;
  /** A link's target; empty for other kinds. */
  readonly target: string;
}

/** The name of the file that stores a folder's app. */
export const appFileName = ".slipway-app";

/** Ignored unless a .gitignore includes them by a negation. */
const defaultRules = ["node_modules/", `/${appFileName}`];
const ignoreFileName = ".gitignore";

/** The rules of one folder, for paths relative to that folder. */
interface Rules {
  readonly base: string;
  readonly matcher: Ignore;
}

/**
 * Lists the files in a fixed order. Directories are listed only when they are empty. Sockets, pipes and devices are omitted, as by git.
 * @param options `slugIgnore` also omits the files that the folder's .slugignore names.
 * @throws {CommandError} when a link leaves the folder, because archives must not contain such links.
 */
export async function listSource(
  folder: string,
  options: { readonly slugIgnore: boolean },
): Promise<SourceFile[]> {
  const slugIgnore = options.slugIgnore ? await readRules(folder, "", ".slugignore") : [];
  const defaults: Rules = { base: "", matcher: newMatcher(defaultRules) };
  return walk(folder, "", { git: [defaults], slug: slugIgnore });
}

async function walk(
  folder: string,
  base: string,
  rules: { readonly git: readonly Rules[]; readonly slug: readonly Rules[] },
): Promise<SourceFile[]> {
  const git = [...(await readRules(folder, base, ignoreFileName)), ...rules.git];
  const names = (await readdir(join(folder, base))).filter((name) => name !== ".git").toSorted();
  const found: SourceFile[] = [];
  for (const name of names) {
    const path = base === "" ? name : `${base}/${name}`;
    const stats = await lstat(join(folder, path));
    const tested = stats.isDirectory() ? `${path}/` : path;
    if (isIgnored(tested, git) || isIgnored(tested, rules.slug)) continue;
    const entry = { path, isExecutable: (stats.mode & 0o100) !== 0, sizeBytes: 0, target: "" };
    if (stats.isFile()) found.push({ ...entry, kind: "file", sizeBytes: stats.size });
    else if (stats.isSymbolicLink()) {
      found.push({ ...entry, kind: "symlink", target: await targetInside(folder, path) });
    } else if (stats.isDirectory()) {
      const nested = await walk(folder, path, { git, slug: rules.slug });
      found.push(...(nested.length > 0 ? nested : [{ ...entry, kind: "directory" } as const]));
    }
  }
  return found;
}

/** The nearest folder with a rule for the path decides, as in git. @param rules the rules, nearest folder first. */
function isIgnored(path: string, rules: readonly Rules[]): boolean {
  for (const { base, matcher } of rules) {
    const { ignored, unignored } = matcher.test(base === "" ? path : path.slice(base.length + 1));
    if (ignored || unignored) return ignored;
  }
  return false;
}

async function readRules(folder: string, base: string, name: string): Promise<Rules[]> {
  try {
    return [{ base, matcher: newMatcher(await readFile(join(folder, base, name), "utf8")) }];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function newMatcher(rules: string | readonly string[]): Ignore {
  return ignore({ ignorecase: false }).add(rules);
}

async function targetInside(folder: string, path: string): Promise<string> {
  const target = await readlink(join(folder, path));
  const reached = normalize(join(dirname(path), target));
  if (!target.startsWith("/") && reached !== ".." && !reached.startsWith("../")) return target;
  throw new CommandError(
    `${join(folder, path)} is a link to ${target}, outside the folder: replace it by a copy, or name it in .gitignore.`,
  );
}
