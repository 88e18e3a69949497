// Measures the private registry's storage, for the API's metrics: only the registry's own user and the supervisor can read its folder.

import { opendir, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { atIntervals } from "@slipway/async";
import { registrySizeFile } from "@slipway/service";

const everyMs = 5 * 60_000;
/** Readable by all: the size reveals nothing about the content, and the API may run as another user. */
const fileMode = 0o644;

/** Measures at intervals, until the result is disposed of. Writes nothing when there is no registry folder. */
export function measureRegistry(dataDir: string, onError: (error: unknown) => void): AsyncDisposable {
  return atIntervals((signal) => noteRegistrySize(dataDir, signal), { everyMs, onError });
}

/** Writes the size to its file. @throws the system's error; the signal's reason. */
export async function noteRegistrySize(dataDir: string, signal: AbortSignal): Promise<void> {
  const sizeBytes = await sizeOf(join(dataDir, "registry/storage"), signal);
  if (sizeBytes === null) return;
  const file = registrySizeFile(dataDir);
  await writeFile(`${file}.new`, `${sizeBytes}\n`, { mode: fileMode });
  await rename(`${file}.new`, file);
}

/** @returns null when the folder does not exist. Files deleted in the meantime do not count. */
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
