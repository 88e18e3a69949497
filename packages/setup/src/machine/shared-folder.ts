// The folder shared by all installations of this user. It contains locks and the record of the engine that Slipway started.

import { constants } from "node:fs";
import { lstat, mkdir } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { acquireLock } from "../../bootstrap/lock.mjs";
import type { Lock } from "../../bootstrap/lock.mjs";
import { SetupError } from "../setup-error.ts";

const lockWaitMs = 20 * 60_000;

/** Whether this process may install packages and start system services. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Creates the shared folder and returns its path. The system empties it at boot, which also ends the processes recorded in it. */
export async function sharedFolder(): Promise<string> {
  const path = isRoot() ? "/run/slipway" : join(tmpdir(), `slipway-${userInfo().uid}`);
  await makeOwnFolder(path);
  return path;
}

/**
 * Creates a folder that only this user can write to. Throws SetupError when an existing one is owned or writable by another user,
 * because signals are sent to the processes recorded in it.
 */
export async function makeOwnFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { uid, mode } = await lstat(path);
  const isFolder = (mode & constants.S_IFMT) === constants.S_IFDIR;
  if (isFolder && uid === userInfo().uid && (mode & 0o022) === 0) return;
  throw new SetupError(
    `${path} is not a folder that you alone may write to: check its owner, then remove it.`,
  );
}

/** Acquires the machine-wide lock `name`. Calls `onWait` with a message about the holder if it has to wait. */
export async function sharedLock(name: string, onWait: (text: string) => void): Promise<Lock> {
  return acquireLock(join(await sharedFolder(), `${name}.lock`), {
    waitMs: lockWaitMs,
    onWait: (holder) => onWait(`waiting for process ${holder.pid} (another setup)`),
  });
}
