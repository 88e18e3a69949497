// CPU time and wake-ups of a process of this machine with all its threads, as Linux counts them.

import { readdir, readFile } from "node:fs/promises";

export interface Usage {
  readonly cpuMs: number;
  /** Times that a thread has waited and was then run again. */
  readonly wakeUps: number;
}

/** The unit of times in /proc, the same on all processors that Node.js supports. */
const tickMs = 10;
/** The fields of /proc/PID/stat behind the program's name that contain the time in the program and in the kernel. */
const cpuFields = [11, 12] as const;

/** @throws the system's error when the process has ended. */
export async function usageOf(pid: number): Promise<Usage> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const threads = await readdir(`/proc/${pid}/task`);
  const wakeUps = await Promise.all(threads.map((thread) => wakeUpsOf(`/proc/${pid}/task/${thread}/status`)));
  return {
    cpuMs: tickMs * cpuFields.reduce((sum, field) => sum + Number(fields[field]), 0),
    wakeUps: wakeUps.reduce((sum, count) => sum + count, 0),
  };
}

/** A thread that has ended in the meantime counts as 0. */
async function wakeUpsOf(file: string): Promise<number> {
  const status = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" && error.code !== "ESRCH") throw error;
    return "";
  });
  return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1] ?? 0);
}
