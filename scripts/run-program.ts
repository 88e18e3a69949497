// Runs a program of this repository in the foreground, on the terminal's own streams or into a file.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { inheritedEnvironment, repositoryRoot } from "./config.ts";

/**
 * Runs `file` to its end and yields its exit code. Signals to this process are passed on instead of ending it, so that
 * what comes after (taking services down, a summary) still happens.
 * @param output a file descriptor for what it writes.
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
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, passOn);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) =>
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])),
      );
    });
  } finally {
    for (const signal of signals) process.off(signal, passOn);
  }
}
