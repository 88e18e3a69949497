// Who uses the engine that Slipway started on this machine, so that the last one to leave can stop it.
import { join } from "node:path";
import { isAlive } from "../lock.mjs";
import { dockerInvocation } from "./engine-daemon.ts";
import type { EngineStart } from "./engine-start.ts";
import { readText, writePrivate } from "./files.ts";
import { installationId } from "./installation.ts";

interface EngineUser {
  installationId: string;
  dataDir: string;
}

/** The record in a folder; readers and writers hold the lock "engine". */
export interface EngineRecord {
  start: EngineStart;
  users: EngineUser[];
}

/** The record of the engine Slipway started; undefined when it started none that still runs. */
export async function readEngineRecord(folder: string): Promise<EngineRecord | undefined> {
  const text = await readText(file(folder));
  if (text === undefined) return undefined;
  const record = JSON.parse(text) as EngineRecord;
  if (!(await stillRuns(record.start))) return undefined;
  return { ...record, users: await present(record.users) };
}

/** Writes the record. */
export async function writeEngineRecord(folder: string, record: EngineRecord): Promise<void> {
  await writePrivate(file(folder), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** `record` with one user more; the same user twice counts once. */
export function withUser(record: EngineRecord, user: EngineUser): EngineRecord {
  return {
    ...withoutUser(record, user.installationId),
    users: [...withoutUser(record, user.installationId).users, user],
  };
}

/** `record` without the installation of this id. */
export function withoutUser(record: EngineRecord, id: string): EngineRecord {
  return { ...record, users: record.users.filter((user) => user.installationId !== id) };
}

/** The very start, not a later one that somebody else made. */
async function stillRuns(start: EngineStart): Promise<boolean> {
  return start.by === "process" ? isAlive(start) : (await dockerInvocation()) === start.invocationId;
}

/** A clone that was deleted without `npm run down` must not keep the engine for ever. */
async function present(users: readonly EngineUser[]): Promise<EngineUser[]> {
  const ids = await Promise.all(users.map((user) => installationId(user.dataDir)));
  return users.filter((user, index) => ids[index] === user.installationId);
}

function file(folder: string): string {
  return join(folder, "engine.json");
}
