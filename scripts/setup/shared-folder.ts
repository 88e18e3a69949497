// The folder that all installations of this machine's user share: locks, and who uses the engine Slipway started.
import { mkdir } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Lock } from "../lock.mjs";
import { acquireLock } from "../lock.mjs";

const lockWaitMs = 20 * 60_000;

/** Whether this process may install packages and start system services. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Its path; it is emptied at boot, as what it holds (processes) is. */
export async function sharedFolder(): Promise<string> {
  const path = isRoot() ? "/run/slipway" : join(tmpdir(), `slipway-${userInfo().uid}`);
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}

/** Waits for this machine's lock called `name`; `onWait` says who holds it. */
export async function sharedLock(name: string, onWait: (text: string) => void): Promise<Lock> {
  return acquireLock(join(await sharedFolder(), `${name}.lock`), {
    waitMs: lockWaitMs,
    onWait: (holder) => onWait(`waiting for process ${holder.pid} (another set-up)`),
  });
}
