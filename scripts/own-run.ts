// A run of the tests or the benchmarks: one at a time in a clone, and to be found by the commands that would disturb it.
import { join } from "node:path";
import type { Lock, ProcessIdentity } from "./lock.mjs";
import { acquireLock, LockHeldError, lockHolder } from "./lock.mjs";
import { SetupError } from "./setup/setup-error.ts";

/** Takes the right to run on the services in `dataDir`. Throws SetupError naming the run that has it. */
export async function claimRun(dataDir: string): Promise<Lock> {
  try {
    return await acquireLock(runFile(dataDir));
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    throw new SetupError(
      `This runs here already (process ${error.holder.pid}): wait for its end, or stop it with Ctrl-C there.`,
    );
  }
}

/** The run that is on its services in `dataDir`; undefined when there is none. */
export async function findRun(dataDir: string): Promise<ProcessIdentity | undefined> {
  return lockHolder(runFile(dataDir));
}

function runFile(dataDir: string): string {
  return join(dataDir, "run.json");
}
