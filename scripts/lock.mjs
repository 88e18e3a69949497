// A lock that is a file naming its holder, for processes of one machine: a dead holder's lock is taken over.
// Plain JavaScript, because run.mjs needs it before the Node packages (and so Node 24) are there.
import { link, mkdir, readFile, rm, rmdir, stat, unlink, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 150;
/** A take-over lasts microseconds; a guard this old was left by a process that died in it. */
const guardStaleMs = 10_000;

/** Says that somebody else holds the lock; `holder` is what they wrote in it. */
export class LockHeldError extends Error {
  constructor(path, holder) {
    super(`${path} is held by process ${holder.pid}`);
    this.name = "LockHeldError";
    this.holder = holder;
  }
}

/**
 * Takes the lock at `path`, waiting up to `waitMs` for its holder (0: not at all). `data` is written beside the
 * holder's identity for others to read; `onWait` is called once when waiting begins. Throws LockHeldError.
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

/** Who holds the lock at `path`, with the data they wrote; undefined when it is free or its holder is dead. */
export async function lockHolder(path) {
  const holder = await readHolder(path);
  return holder && (await isAlive(holder)) ? holder : undefined;
}

/** What tells a process from a later one with the same pid: the machine's boot and the process's start tick. */
export async function processIdentity(pid) {
  const [boot, status] = await Promise.all([bootId(), processStatus(pid)]);
  return status ? { pid, startedAt: `${boot}:${status.startTick}` } : undefined;
}

/** Whether the very process that `identity` names still runs; a zombie does not. */
export async function isAlive(identity) {
  const status = await processStatus(identity.pid);
  if (!status || status.state === "Z" || status.state === "X") return false;
  return identity.startedAt === `${await bootId()}:${status.startTick}`;
}

async function waitForLink(draft, path, waitMs, onWait) {
  const giveUpAt = Date.now() + waitMs;
  for (let told = false; ;) {
    if (await linked(draft, path)) return;
    const holder = await readHolder(path);
    if (!holder) continue;
    if (!(await isAlive(holder))) {
      await removeDeadLock(path);
      continue;
    }
    if (Date.now() >= giveUpAt) throw new LockHeldError(path, holder);
    if (!told) onWait?.(holder);
    told = true;
    await sleep(pollMs);
  }
}

/** Linking a finished file is atomic and never shows a half-written lock. */
async function linked(draft, path) {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

/** Dead locks are removed under a guard and read again there, so a lock just taken over is never removed. */
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
    // not a lock of ours, or a disk that filled up while it was written: nobody holds it
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
    // the command's name stands in brackets and may itself hold spaces and brackets
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], startTick: fields[19] };
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
    throw error;
  }
}
