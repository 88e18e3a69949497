// Which commits are linted: those after the commit that introduced the rules.

import { execa } from "execa";

const rules = "commitlint.config.ts";

/**
 * The commit that added the rules, or in a shallow clone the oldest commit there is; undefined without such a commit, without
 * git, or outside of a work tree of its own.
 */
export async function lintedSince(repository: string): Promise<string | undefined> {
  const git = (...args: string[]) => execa("git", args, { cwd: repository, reject: false });
  const prefix = await git("rev-parse", "--show-prefix");
  // a folder inside another repository has that repository's commits
  if (prefix.exitCode !== 0 || prefix.stdout !== "") return undefined;
  const { stdout, exitCode } = await git("log", "--diff-filter=A", "--format=%H", "--", rules);
  return exitCode === 0 ? stdout.split("\n").findLast((line) => line !== "") : undefined;
}
