// Runs a program on this machine like in a container, and kills processes that it leaves behind.

import { spawn } from "node:child_process";
import { once } from "node:events";

/** @returns exit code and output, including the output of processes that it left behind. */
export async function runAsContainer(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ exitCode: number | null; output: string; errors: string }> {
  const [program = "", ...args] = command;
  const { PATH } = process.env;
  const child = spawn(program, args, {
    env: { ...env, ...(PATH === undefined ? {} : { PATH }) },
    stdio: ["ignore", "pipe", "pipe"],
    // A separate process group, so that all processes can be killed together.
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
    // No process of the group is left.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
