// Reads small state files and writes them atomically.

import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import type { Stats } from "node:fs";
import { lstat, open, rename } from "node:fs/promises";
import { SetupError } from "./setup-error.ts";

/**
 * Reads the trimmed text of the file at `path`; undefined when it is missing or empty.
 * @throws {SetupError} when it is a symbolic link: a service with write access to the folder could redirect the read to any file.
 */
export async function readText(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    return (await file.readFile("utf8")).trim() || undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (code === "ELOOP")
      throw new SetupError(`${path} is a symbolic link: put the file itself in its place.`);
    throw error;
  }
}

/**
 * Writes the file at `path` atomically. A new file is readable only by its owner; a replaced one keeps its owner, group and mode.
 * Follows no symbolic links, neither of the draft nor of the file.
 */
export async function writePrivate(path: string, content: string): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString("hex")}`;
  {
    await using file = await open(draft, "wx", 0o600);
    await file.writeFile(content);
    const replaced = await statIfThere(path);
    if (replaced?.isFile() === true) {
      await file.chown(replaced.uid, replaced.gid);
      await file.chmod(replaced.mode & 0o777);
    }
  }
  await rename(draft, path);
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Reads the text in `path`. When there is none, writes the result of `create` to it. */
export async function readOrCreate(
  path: string,
  create: () => string,
): Promise<{ text: string; created: boolean }> {
  const kept = await readText(path);
  if (kept !== undefined) return { text: kept, created: false };
  const text = create();
  await writePrivate(path, `${text}\n`);
  return { text, created: true };
}
