// Runs a program of this repository in the foreground, on the terminal's streams or into a file.

import { spawn } from "node:child_process";
import { constants } from "node:os";
import { inheritedEnvironment } from "../child-environment.ts";
import { repositoryRoot } from "../repository.ts";

/**
 * Runs `file` until it exits and returns its exit code. Signals to this process are forwarded and do not end it, so that the
 * caller can still stop services and print a summary.
 * @param output a file descriptor for the program's output.
 */
export async function runProgram(
  file: string,
  args: readonly string[],
  environment: Record<string, string> = {},
  output: number | "inherit" = "inherit",
): Promise<number> {
  const child = spawn(file, args, {
    cwd: repositoryRoot,
    stdio: output === "inherit" ? "inherit" : ["ignore", output, output],
    env: inheritedEnvironment(environment),
  });
  const forward = (signal: NodeJS.Signals) => void child.kill(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, forward);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) =>
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
      );
    });
  } finally {
    for (const signal of signals) process.off(signal, forward);
  }
}
