// Measures what the private registry stores, for the metrics of the API: only its own user and the supervisor may read its folder.

import { opendir, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { atIntervals } from "@slipway/async";
import { registrySizeFile } from "@slipway/service";

const everyMs = 5 * 60_000;
/** It says nothing of what is stored, and the API may be another user. */
const fileMode = 0o644;

/** Measures at intervals, until the result is disposed. Without a folder of a registry it writes nothing. */
export function measureRegistry(dataDir: string, onError: (error: unknown) => void): AsyncDisposable {
  return atIntervals((signal) => noteRegistrySize(dataDir, signal), { everyMs, onError });
}

/** Writes the size into the file for it. @throws the system's error; the signal's reason. */
export async function noteRegistrySize(dataDir: string, signal: AbortSignal): Promise<void> {
  const sizeBytes = await sizeOf(join(dataDir, "registry/storage"), signal);
  if (sizeBytes === null) return;
  const file = registrySizeFile(dataDir);
  await writeFile(`${file}.new`, `${sizeBytes}\n`, { mode: fileMode });
  await rename(`${file}.new`, file);
}

/** @returns null when the folder does not exist. What is deleted meanwhile does not count. */
async function sizeOf(folder: string, signal: AbortSignal): Promise<number | null> {
  const entries = await opendir(folder, { recursive: true }).catch(nullIfMissing);
  if (entries === null) return null;
  let sum = 0;
  for await (const entry of entries) {
    signal.throwIfAborted();
    if (!entry.isFile()) continue;
    const found = await stat(join(entry.parentPath, entry.name)).catch(nullIfMissing);
    sum += found?.size ?? 0;
  }
  return sum;
}

function nullIfMissing(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
  throw error;
}
