import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { repositoryRoot } from "../src/repository.ts";
import { commands as programs } from "./commands.mjs";

const bootstrap = "packages/setup/bootstrap/run.mjs";
const run = (...args: string[]) =>
  execa(process.execPath, [join(repositoryRoot, bootstrap), ...args], { reject: false });

const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};
/** The commands that are npm scripts. */
const commands = Object.keys(scripts).filter((name) => scripts[name] === `node ${bootstrap} ${name}`);

describe("run.mjs", () => {
  test.each(commands)("%s has help and a program", async (name) => {
    const { stdout, exitCode } = await run(name, "--help");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Usage: npm /);
    expect(existsSync(join(repositoryRoot, programs[name]?.program ?? ""))).toBe(true);
  });

  test("run.mjs lists the commands for an unknown one, and fails", async () => {
    const { stdout, stderr, exitCode } = await run("launch");
    expect(stderr).toContain('There is no command "launch"');
    expect(commands).not.toEqual([]);
    for (const name of commands) expect(stdout).toMatch(new RegExp(`^  ${name} `, "m"));
    expect(exitCode).toBe(2);
  });

  test("run.mjs does not take a property of Object.prototype for a command", async () => {
    expect((await run("constructor")).exitCode).toBe(2);
  });
});
