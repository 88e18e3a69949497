// Gives an installation's processes that root starts access to the shared files in the data directory.

import { constants } from "node:fs";
import { lchown, lstat, mkdir, open, readdir } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { databaseFile } from "@slipway/service";
import { SetupError } from "../setup-error.ts";
import type { AppKind, OwnIds } from "./process-user.ts";

/** With the setgid bit, so that new files get the folder's group. */
const folderMode = 0o2770;
const fileMode = 0o660;
const keysMode = 0o640;
/** Names in the data directory cannot be listed, and its files are only accessible to their owners. */
const dataMode = 0o711;
const permissions = 0o7777;
const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === "ENOENT";

/**
 * Shares the database and the blobs with their groups, and gives the keys' group read access to the signing keys, and workers to the key
 * for receipts. Changes only what differs. Links are refused and not followed, because the processes can write in these folders.
 * @param sqlite whether the database is in the data directory.
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

/** Creates the file here, because otherwise the process that creates it would own it. */
async function shareDatabase(dataDir: string, gid: number): Promise<void> {
  const database = databaseFile(dataDir);
  await shareFolder(dirname(database), gid);
  await (await open(database, constants.O_CREAT | constants.O_NOFOLLOW, fileMode)).close();
  const files = [database, `${database}-wal`, `${database}-shm`];
  await Promise.all(files.map((file) => setAccess(file, { mode: fileMode, gid })));
}

/**
 * The folder in which Node.js caches the compiled code of one kind of process. Processes of other users cannot write to it,
 * since a process executes the code that it finds there.
 */
export async function ownCompileCache(dataDir: string, kind: AppKind, { users }: OwnIds): Promise<string> {
  const folder = compileCache(dataDir, kind);
  await mkdir(folder, { recursive: true });
  await setAccess(folder, { mode: 0o700 });
  await lchown(folder, users[kind], users[kind]);
  return folder;
}

/**
 * Makes `uid` the owner of a private server's folder and its content. Inner folders that the user already owns are left unchanged.
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

/** @throws {SetupError} when the path is not a folder itself: the processes can write in these folders, so links are not followed. */
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

/** @param kind undefined for processes that run as the supervisor's user. */
export function compileCache(dataDir: string, kind?: AppKind): string {
  return join(dataDir, "compile-cache", kind ?? "");
}

/**
 * Shares a folder and its content. A folder that is already shared is left unchanged: it is changed last, so its content is shared too,
 * and the processes may have written to it in the meantime.
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

/** Sets the group first, because changing it clears the setgid bit. */
async function change(file: FileHandle, { mode, gid }: { mode: number; gid?: number }): Promise<void> {
  const found = await file.stat();
  if (gid !== undefined && found.gid !== gid) await file.chown(found.uid, gid);
  if ((found.mode & permissions) !== mode || found.gid !== gid) await file.chmod(mode);
}
