// Lints the commit messages since the commit that added commitlint.config.ts: earlier ones follow no rules.

import { execa } from "execa";
import { print, repositoryRoot, runCommand, runProgram } from "@slipway/setup";
import { lintedSince } from "./commits/range.ts";

await runCommand(async () => {
  const since = await lintedSince(repositoryRoot);
  if (since === undefined) {
    print("Not checked: the history of this folder has no commit of commitlint.config.ts.");
    return 0;
  }
  const range = ["--from", since, "--to", "HEAD"];
  const { stdout } = await execa("git", ["rev-list", "--count", `${since}..HEAD`], { cwd: repositoryRoot });
  print(`${stdout} commits since ${since.slice(0, 10)}`);
  return stdout === "0" ? 0 : runProgram("commitlint", range);
});
