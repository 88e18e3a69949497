// A lock between processes of one machine: a file that names its holder. The lock of a dead holder is taken over.
// Plain JavaScript, because run.mjs needs it before the Node packages, Node 24 among them, are installed.

import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, rmdir, stat, unlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 150;
/** A takeover lasts microseconds; a process that died during one left a guard this old. */
const guardStaleMs = 10_000;

/** Another process holds the lock; `holder` is the lock's content. */
export class LockHeldError extends Error {
  constructor(path, holder) {
    super(`${path} is held by process ${holder.pid}`);
    this.name = "LockHeldError";
    this.holder = holder;
  }
}

/**
 * Acquires the lock at `path`, and waits for up to `waitMs` for its holder (0: does not wait). `data` is written into the lock
 * with the holder's identity; `onWait` is called once when the wait begins. Throws LockHeldError.
 */
export async function acquireLock(path, { waitMs = 0, data = {}, onWait } = {}) {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  await writeFile(draft, JSON.stringify({ ...data, ...(await processIdentity(process.pid)) }), {
    mode: 0o600,
  });
  try {
    await waitForLink(draft, path, waitMs, onWait);
  } finally {
    await unlink(draft);
  }
  const release = () => rm(path, { force: true });
  return { path, release, [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]: release };
}

/** Reads the holder of the lock at `path` and its data; undefined when the lock is free or its holder is dead. */
export async function lockHolder(path) {
  const holder = await readHolder(path);
  return holder && (await isAlive(holder)) ? holder : undefined;
}

/** Identifies the process `pid` by the machine's boot id and the process's start tick; undefined when it does not run. */
export async function processIdentity(pid) {
  const [boot, status] = await Promise.all([bootId(), processStatus(pid)]);
  return status ? { pid, startedAt: `${boot}:${status.startTick}` } : undefined;
}

/** Whether the process `identity` still runs. A zombie or a later process with the same pid does not count. */
export async function isAlive(identity) {
  const status = await processStatus(identity.pid);
  if (!status || status.state === "Z" || status.state === "X") return false;
  return identity.startedAt === `${await bootId()}:${status.startTick}`;
}

async function waitForLink(draft, path, waitMs, onWait) {
  const giveUpAt = Date.now() + waitMs;
  for (let notified = false; ;) {
    if (await linked(draft, path)) return;
    const holder = await readHolder(path);
    if (!holder) continue;
    if (!(await isAlive(holder))) {
      await removeDeadLock(path);
      continue;
    }
    if (Date.now() >= giveUpAt) throw new LockHeldError(path, holder);
    if (!notified) onWait?.(holder);
    notified = true;
    await sleep(pollMs);
  }
}

/** Links a complete file, which is atomic: no process reads a partial lock. */
async function linked(draft, path) {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

/** Removes a dead lock under a guard, and reads it again first: it may have been taken over in the meantime. */
async function removeDeadLock(path) {
  const guard = `${path}.guard`;
  try {
    await mkdir(guard);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    await dropStaleGuard(guard);
    await sleep(pollMs);
    return;
  }
  try {
    const holder = await readHolder(path);
    if (holder && !(await isAlive(holder))) await rm(path, { force: true });
  } finally {
    await rmdir(guard);
  }
}

async function dropStaleGuard(guard) {
  try {
    const { mtimeMs } = await stat(guard);
    if (Date.now() - mtimeMs > guardStaleMs) await rmdir(guard);
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
}

async function readHolder(path) {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    // the content is not a lock, or the disk was full when it was written: no process holds it
    if (error instanceof SyntaxError) return { pid: 0, startedAt: "" };
    throw error;
  }
}

async function bootId() {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).slice(0, 8);
}

async function processStatus(pid) {
  try {
    const text = await readFile(`/proc/${pid}/stat`, "utf8");
    // the command's name is in brackets and may itself contain spaces and brackets
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], startTick: fields[19] };
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
    throw error;
  }
}
