// For this package's tests: a program run by this machine as a container runs it, with what it leaves behind killed at its end.

import { spawn } from "node:child_process";
import { once } from "node:events";

/** @returns what it wrote until its end, and what its processes did. */
export async function runAsContainer(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ exitCode: number | null; output: string; errors: string }> {
  const [program = "", ...args] = command;
  const { PATH } = process.env;
  const child = spawn(program, args, {
    env: { ...env, ...(PATH === undefined ? {} : { PATH }) },
    stdio: ["ignore", "pipe", "pipe"],
    // A process group of its own, as a container has processes of its own.
    detached: true,
  });
  const written = Promise.all([Array.fromAsync(child.stdout), Array.fromAsync(child.stderr)]);
  const [exitCode] = (await once(child, "exit")) as [number | null];
  killGroup(child.pid);
  const [output, errors] = (await written).map((chunks) => Buffer.concat(chunks).toString());
  return { exitCode, output: output ?? "", errors: errors ?? "" };
}

function killGroup(id: number | undefined): void {
  try {
    process.kill(-(id ?? Number.NaN), "SIGKILL");
  } catch (error) {
    // nothing was left behind
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
