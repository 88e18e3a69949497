// Which commits are linted: those after the commit that introduced the rules.

import { execa } from "execa";

const rules = "commitlint.config.ts";

/**
 * The commit that added the rules; in a shallow clone, the oldest commit. Undefined when there is no such commit, when git is missing, or
 * when the folder is not the root of its own work tree.
 */
export async function lintedSince(repository: string): Promise<string | undefined> {
  const git = (...args: string[]) => execa("git", args, { cwd: repository, reject: false });
  const prefix = await git("rev-parse", "--show-prefix");
  // A folder inside another repository has that repository's commits.
  if (prefix.exitCode !== 0 || prefix.stdout !== "") return undefined;
  const { stdout, exitCode } = await git("log", "--diff-filter=A", "--format=%H", "--", rules);
  return exitCode === 0 ? stdout.split("\n").findLast((line) => line !== "") : undefined;
}
