// The folder that all installations of this machine's user share: locks, and who uses the engine Slipway started.
import { lstat, mkdir } from "node:fs/promises";
import { constants } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Lock } from "../lock.mjs";
import { acquireLock } from "../lock.mjs";
import { SetupError } from "./setup-error.ts";

const lockWaitMs = 20 * 60_000;

/** Whether this process may install packages and start system services. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Its path; it is emptied at boot, as what it holds (processes) is. */
export async function sharedFolder(): Promise<string> {
  const path = isRoot() ? "/run/slipway" : join(tmpdir(), `slipway-${userInfo().uid}`);
  await makeOwnFolder(path);
  return path;
}

/** Throws SetupError where somebody else made the folder, or may write in it: what it says is believed, and signals are sent by it. */
export async function makeOwnFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { uid, mode } = await lstat(path);
  const isFolder = (mode & constants.S_IFMT) === constants.S_IFDIR;
  if (isFolder && uid === userInfo().uid && (mode & 0o022) === 0) return;
  throw new SetupError(
    `${path} is not a folder that you alone may write: find out who made it, and remove it.`,
  );
}

/** Waits for this machine's lock called `name`; `onWait` says who holds it. */
export async function sharedLock(name: string, onWait: (text: string) => void): Promise<Lock> {
  return acquireLock(join(await sharedFolder(), `${name}.lock`), {
    waitMs: lockWaitMs,
    onWait: (holder) => onWait(`waiting for process ${holder.pid} (another set-up)`),
  });
}
