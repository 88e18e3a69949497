// Records the installations that use the engine that Slipway started on this machine, so that the last one can stop it.

import { join } from "node:path";
import { isAlive } from "../../bootstrap/lock.mjs";
import { readText, writePrivate } from "../files.ts";
import { installationId } from "../installation.ts";
import { dockerInvocation } from "./engine-daemon.ts";
import type { EngineStart } from "./engine-start.ts";

interface EngineUser {
  installationId: string;
  dataDir: string;
}

/** The content of engine.json. Readers and writers hold the lock "engine". */
export interface EngineRecord {
  start: EngineStart;
  users: EngineUser[];
}

/** Reads the record of the engine that Slipway started; undefined when no such engine is running. */
export async function readEngineRecord(folder: string): Promise<EngineRecord | undefined> {
  const text = await readText(file(folder));
  if (text === undefined) return undefined;
  const record = JSON.parse(text) as EngineRecord;
  if (!(await isSameStart(record.start))) return undefined;
  return { ...record, users: await existingUsers(record.users) };
}

/** Writes the record into `folder`. */
export async function writeEngineRecord(folder: string, record: EngineRecord): Promise<void> {
  await writePrivate(file(folder), `${JSON.stringify(record, undefined, 2)}\n`);
}

/** Adds `user` to `record`, or replaces the entry of the same installation. */
export function withUser(record: EngineRecord, user: EngineUser): EngineRecord {
  return {
    ...withoutUser(record, user.installationId),
    users: [...withoutUser(record, user.installationId).users, user],
  };
}

/** Removes the installation `id` from `record`. */
export function withoutUser(record: EngineRecord, id: string): EngineRecord {
  return { ...record, users: record.users.filter((user) => user.installationId !== id) };
}

/** Whether the engine is still running and was not restarted by another program. */
async function isSameStart(start: EngineStart): Promise<boolean> {
  return start.by === "process" ? isAlive(start) : (await dockerInvocation()) === start.invocationId;
}

/** Drops installations whose data directory was deleted without `npm run down`: they would keep the engine running forever. */
async function existingUsers(users: readonly EngineUser[]): Promise<EngineUser[]> {
  const ids = await Promise.all(users.map((user) => installationId(user.dataDir)));
  return users.filter((user, index) => ids[index] === user.installationId);
}

function file(folder: string): string {
  return join(folder, "engine.json");
}
