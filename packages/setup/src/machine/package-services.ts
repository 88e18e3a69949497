// Prevents newly installed packages from starting their services, now and at boot: setup itself starts the services it needs.

import { rmSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { execa } from "execa";
import { searchPath } from "../child-environment.ts";
import { findProgram } from "./find-program.ts";

/** Maintainer scripts run this script before they start a service. Exit code 101 forbids the start. */
const policyFile = "/usr/sbin/policy-rc.d";
const mark = "# made by Slipway for the time of an installation";
const policy = `#!/bin/sh\n${mark}\nexit 101\n`;
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Forbids service starts until disposal or until a signal ends this process. An existing policy remains in force instead. */
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

/** Whether no policy exists, or only one that a killed setup left behind. */
async function isFree(file: string): Promise<boolean> {
  try {
    return (await readFile(file, "utf8")).includes(mark);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw error;
  }
}

/** Disables units that packages enabled. The caller excludes units that were enabled before. */
export async function keepFromBoot(units: readonly string[]): Promise<void> {
  if (units.length === 0 || (await findProgram("systemctl")) === undefined) return;
  await execa("systemctl", ["disable", "--quiet", ...units], {
    env: { PATH: searchPath() },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
}

/** Filters the units that start at boot; none without systemd. */
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
