import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lintedSince } from "./range.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-commits-"));
  await git("init", "--quiet", "history");
});
afterEach(() => rm(folder, { recursive: true }));

const history = () => join(folder, "history");

test("lintedSince is the commit that added the rules, however often they changed", async () => {
  await commit("before", "other.txt");
  expect(await lintedSince(history())).toBeUndefined();
  const introduced = await commit("introduces the rules", "commitlint.config.ts");
  await commit("changes the rules", "commitlint.config.ts");
  expect(await lintedSince(history())).toBe(introduced);
});

test("lintedSince is the oldest commit of a shallow clone", async () => {
  await commit("introduces the rules", "commitlint.config.ts");
  const oldest = await commit("second", "other.txt");
  await commit("third", "other.txt");
  await git("clone", "--quiet", "--depth=2", `file://${history()}`, "shallow");
  expect(await lintedSince(join(folder, "shallow"))).toBe(oldest);
});

test("lintedSince is unknown outside of a repository, and in a folder of another one", async () => {
  await commit("introduces the rules", "inner/commitlint.config.ts");
  expect(await lintedSince(folder)).toBeUndefined();
  expect(await lintedSince(join(history(), "inner"))).toBeUndefined();
});

async function commit(subject: string, file: string): Promise<string> {
  await execa("mkdir", ["-p", join(history(), file, "..")]);
  await writeFile(join(history(), file), subject);
  await git("-C", "history", "add", ".");
  await git("-C", "history", "commit", "--quiet", "--message", subject);
  return git("-C", "history", "rev-parse", "HEAD");
}

async function git(...args: string[]): Promise<string> {
  const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
  const { stdout } = await execa("git", [...identity, ...args], {
    cwd: folder,
    // Uses neither this machine's configuration nor the configuration of a hook that runs the tests.
    env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CEILING_DIRECTORIES: tmpdir() },
  });
  return stdout;
}
