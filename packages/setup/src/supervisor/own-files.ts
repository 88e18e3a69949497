// Gives the processes of an installation that root runs access to the files in the data directory that they share.

import { constants } from "node:fs";
import { lchown, lstat, mkdir, open, readdir } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { databaseFile } from "@slipway/service";
import { SetupError } from "../setup-error.ts";
import type { AppKind, OwnIds } from "./process-user.ts";

/** The group of a folder is that of the files created in it. */
const folderMode = 0o2770;
const fileMode = 0o660;
const keysMode = 0o640;
/** Names in the data directory cannot be listed, and its files are their owners' only. */
const dataMode = 0o711;
const permissions = 0o7777;
const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === "ENOENT";

/**
 * Shares the database and the blobs with their groups, and lets the group of the keys read the signing keys, and workers the key
 * of receipts. Changes only what differs. @param sqlite whether the database is in the data directory. Links are refused and not followed: the processes can write in these folders.
 * @throws the system's error, for a link with the code ELOOP.
 */
export async function shareFiles(
  dataDir: string,
  { groups, users }: OwnIds,
  { sqlite }: { sqlite: boolean },
): Promise<void> {
  await setAccess(dataDir, { mode: dataMode });
  if (sqlite) await shareDatabase(dataDir, groups.database);
  await shareFolder(join(dataDir, "blobs"), groups.blobs);
  await setAccess(join(dataDir, "signing-key"), { mode: keysMode, gid: groups.keys });
  await setAccess(join(dataDir, "receipt-key"), { mode: keysMode, gid: users.worker });
}

/** Creates the file here: a process that creates it would own it. */
async function shareDatabase(dataDir: string, gid: number): Promise<void> {
  const database = databaseFile(dataDir);
  await shareFolder(dirname(database), gid);
  await (await open(database, constants.O_CREAT | constants.O_NOFOLLOW, fileMode)).close();
  const files = [database, `${database}-wal`, `${database}-shm`];
  await Promise.all(files.map((file) => setAccess(file, { mode: fileMode, gid })));
}

/**
 * The folder in which Node.js caches the code that it compiled for one kind of process. Processes of other users cannot write to it,
 * since a process executes what it finds there.
 */
export async function ownCompileCache(dataDir: string, kind: AppKind, { users }: OwnIds): Promise<string> {
  const folder = compileCache(dataDir, kind);
  await mkdir(folder, { recursive: true });
  await setAccess(folder, { mode: 0o700 });
  await lchown(folder, users[kind], users[kind]);
  return folder;
}

/**
 * Makes `uid` the owner of a private server's folder and of all in it. A folder within it that is the user's already is left as it is.
 * Links are refused.
 */
export async function giveFolder(path: string, uid: number): Promise<void> {
  await using folder = await openFolder(path);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (!entry.isDirectory()) await giveFile(inner, uid);
    else if ((await lstat(inner)).uid !== uid) await giveFolder(inner, uid);
  }
  await folder.chown(uid, uid);
}

/** @throws {SetupError} when it is no folder itself: the processes can write in these folders, so a link is not followed. */
async function openFolder(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_DIRECTORY);
  } catch (error) {
    if (!["ELOOP", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    throw new SetupError(`${path} is a link or a file: put the folder itself there, or mount it there.`);
  }
}

async function giveFile(path: string, uid: number): Promise<void> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  await file.chown(uid, uid);
}

/** @param kind undefined for processes of the user who runs the supervisor. */
export function compileCache(dataDir: string, kind?: AppKind): string {
  return join(dataDir, "compile-cache", kind ?? "");
}

/**
 * Shares a folder and all in it. A folder that is shared already is left as it is: it is changed last, so its content is shared too,
 * and the processes may have written there since.
 */
async function shareFolder(path: string, gid: number): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  await using folder = await openFolder(path);
  const { gid: group, mode } = await folder.stat();
  if (group === gid && (mode & permissions) === folderMode) return;
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) await shareFolder(inner, gid);
    else await setAccess(inner, { mode: fileMode, gid });
  }
  await change(folder, { mode: folderMode, gid });
}

async function setAccess(path: string, access: { mode: number; gid?: number }): Promise<void> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    await change(file, access);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** The group first: changing it clears the bit by which it is inherited. */
async function change(file: FileHandle, { mode, gid }: { mode: number; gid?: number }): Promise<void> {
  const found = await file.stat();
  if (gid !== undefined && found.gid !== gid) await file.chown(found.uid, gid);
  if ((found.mode & permissions) !== mode || found.gid !== gid) await file.chmod(mode);
}
