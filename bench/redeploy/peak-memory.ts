// The peak memory of a process of this machine since a given moment, as Linux counts it.

import { readFile, writeFile } from "node:fs/promises";

/** Resets the peak of a process's resident memory to the present value. Requires the process's user, or root. */
export async function resetPeakMemory(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, "5");
}

/** @returns the peak of the resident memory, in bytes. */
export async function peakMemoryBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined)
    throw new Error(`/proc/${pid}/status has no VmHWM: this benchmark needs Linux.`);
  return Number(kilobytes) * 1024;
}
