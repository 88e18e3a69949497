// Finds and stops processes that outlived a test or benchmark run of this clone, by a variable in their environment.

import { readdir, readFile } from "node:fs/promises";
import { processIdentity } from "../bootstrap/lock.mjs";
import type { ProcessIdentity } from "../bootstrap/lock.mjs";
import { step } from "./progress.ts";
import type { PrintLine } from "./progress.ts";
import { stopProcess } from "./services/services.ts";

const graceMs = 5_000;

/** Stops every process with `TESTS_OF=mark` in its environment, and reports their number. */
export async function stopTestProcesses(mark: string, printLine: PrintLine): Promise<void> {
  const left = await markedProcesses(mark);
  if (left.length === 0) return;
  step(printLine, "tests").report(`stopping ${left.length} processes of an earlier run`);
  await Promise.all(left.map((one) => stopProcess(one, graceMs)));
}

/** Lists every process that was started with `TESTS_OF=mark` in its environment. */
export async function markedProcesses(mark: string): Promise<ProcessIdentity[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map((pid) => marked(pid, mark)));
  return found.filter((one) => one !== undefined);
}

/** Undefined also for a process that has just ended, or whose environment cannot be read. */
async function marked(pid: number, mark: string): Promise<ProcessIdentity | undefined> {
  const identity = await processIdentity(pid);
  try {
    const variables = (await readFile(`/proc/${pid}/environ`, "utf8")).split("\0");
    return variables.includes(`TESTS_OF=${mark}`) ? identity : undefined;
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
