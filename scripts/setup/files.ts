// Small files of state: read when present, written whole or not at all.
import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";

/** The trimmed text of the file at `path`; undefined when it is missing or empty. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes the file at `path` atomically, readable by its owner only. */
export async function writePrivate(path: string, content: string): Promise<void> {
  const draft = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(draft, content, { mode: 0o600 });
  await rename(draft, path);
}

/** The text kept in `path`, made by `make` and kept there the first time. */
export async function readOrMake(path: string, make: () => string): Promise<{ text: string; made: boolean }> {
  const kept = await readText(path);
  if (kept !== undefined) return { text: kept, made: false };
  const text = make();
  await writePrivate(path, `${text}\n`);
  return { text, made: true };
}
