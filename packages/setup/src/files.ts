// Reads small state files and writes them atomically.

import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { chmod, chown, readFile, rename, stat, writeFile } from "node:fs/promises";

/** Reads the trimmed text of the file at `path`; undefined when it is missing or empty. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes the file at `path` atomically. A new one is readable by its owner only; one that is replaced keeps owner, group and mode. */
export async function writePrivate(path: string, content: string): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(draft, content, { mode: 0o600 });
  const replaced = await statIfThere(path);
  if (replaced !== undefined) {
    await chown(draft, replaced.uid, replaced.gid);
    await chmod(draft, replaced.mode & 0o777);
  }
  await rename(draft, path);
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Reads the text in `path`. When there is none, writes the result of `create` there. */
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
