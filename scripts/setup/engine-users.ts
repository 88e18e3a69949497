// Who uses the engine that Slipway started on this machine, so that the last one to leave can stop it.
import { join } from "node:path";
import type { ProcessIdentity } from "../lock.mjs";
import { isAlive } from "../lock.mjs";
import { readText, writePrivate } from "./files.ts";
import { installationId } from "./installation.ts";
import { sharedFolder } from "./shared-folder.ts";

/** How the engine was started: as a process of ours, or by asking systemd. */
export type EngineStart = ({ by: "process" } & ProcessIdentity) | { by: "systemd" };

interface EngineUser {
  installationId: string;
  dataDir: string;
}

/** The record in the shared folder; readers and writers hold the lock "engine". */
export interface EngineRecord {
  start: EngineStart;
  users: EngineUser[];
}

/** The record of the engine Slipway started; undefined when it started none that still runs. */
export async function readEngineRecord(): Promise<EngineRecord | undefined> {
  const text = await readText(await file());
  if (text === undefined) return undefined;
  const record = JSON.parse(text) as EngineRecord;
  if (record.start.by === "process" && !(await isAlive(record.start))) return undefined;
  return { ...record, users: await present(record.users) };
}

/** Writes the record. */
export async function writeEngineRecord(record: EngineRecord): Promise<void> {
  await writePrivate(await file(), `${JSON.stringify(record, undefined, 2)}\n`);
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

/** A clone that was deleted without `npm run down` must not keep the engine for ever. */
async function present(users: readonly EngineUser[]): Promise<EngineUser[]> {
  const ids = await Promise.all(users.map((user) => installationId(user.dataDir)));
  return users.filter((user, index) => ids[index] === user.installationId);
}

async function file(): Promise<string> {
  return join(await sharedFolder(), "engine.json");
}
