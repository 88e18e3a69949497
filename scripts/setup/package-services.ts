// Keeps services of packages that are being installed from starting, then and at boot: set-up starts what it needs itself.
import { rmSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { searchPath } from "../config.ts";
import { findProgram } from "./find-program.ts";

/** What the packages' scripts ask before they start a service; 101 is no. */
const policyFile = "/usr/sbin/policy-rc.d";
const mark = "# made by Slipway for the time of an installation";
const policy = `#!/bin/sh\n${mark}\nexit 101\n`;
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Forbids services to start until it is disposed of, or a signal ends this process. A policy that is there holds instead. */
export async function forbidStarts(file = policyFile): Promise<Disposable> {
  if (!(await isFree(file))) return { [Symbol.dispose]: () => undefined };
  await writeFile(file, policy);
  await chmod(file, 0o755);
  const remove = () => rmSync(file, { force: true });
  const endBySignal = (signal: NodeJS.Signals) => {
    remove();
    for (const name of signals) process.off(name, endBySignal);
    process.kill(process.pid, signal);
  };
  for (const name of signals) process.on(name, endBySignal);
  return {
    [Symbol.dispose]: () => {
      for (const name of signals) process.off(name, endBySignal);
      remove();
    },
  };
}

/** A policy of ours is left where a process was killed. */
async function isFree(file: string): Promise<boolean> {
  try {
    return (await readFile(file, "utf8")).includes(mark);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw error;
  }
}

/** Takes back that packages enabled their units; a unit that was enabled before the installation is not given. */
export async function keepFromBoot(units: readonly string[]): Promise<void> {
  if (units.length === 0 || (await findProgram("systemctl")) === undefined) return;
  await execa("systemctl", ["disable", "--quiet", ...units], {
    env: { PATH: searchPath() },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
}

/** Which of these start at boot; none where there is no systemd. */
export async function enabledUnits(units: readonly string[]): Promise<string[]> {
  if ((await findProgram("systemctl")) === undefined) return [];
  const found = await Promise.all(
    units.map(async (unit) => {
      const { failed } = await execa("systemctl", ["--quiet", "is-enabled", unit], {
        env: { PATH: searchPath() },
        stdin: "ignore",
        reject: false,
      });
      return failed ? [] : [unit];
    }),
  );
  return found.flat();
}
