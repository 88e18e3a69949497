// The lock of a test or benchmark run: a clone has one run at a time, and other commands can find it.

import { join } from "node:path";
import { acquireLock, LockHeldError, lockHolder } from "../../bootstrap/lock.mjs";
import type { Lock, ProcessIdentity } from "../../bootstrap/lock.mjs";
import { SetupError } from "../setup-error.ts";

/** Acquires the lock of runs in `dataDir`. Throws SetupError when another run holds it. */
export async function claimRun(dataDir: string): Promise<Lock> {
  try {
    return await acquireLock(runFile(dataDir));
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    throw new SetupError(
      `Process ${error.holder.pid} already runs in ${dataDir}: wait until it ends, or stop it with Ctrl-C there.`,
    );
  }
}

/** Finds the current run in `dataDir`; undefined when there is none. */
export async function findRun(dataDir: string): Promise<ProcessIdentity | undefined> {
  return lockHolder(runFile(dataDir));
}

function runFile(dataDir: string): string {
  return join(dataDir, "run.json");
}
