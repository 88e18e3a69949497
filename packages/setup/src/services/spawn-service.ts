// Starts a service that outlives this command, in its own session and with its output in a file.

import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { processIdentity } from "../../bootstrap/lock.mjs";
import type { ProcessIdentity } from "../../bootstrap/lock.mjs";
import { bareEnvironment } from "../child-environment.ts";

export interface Launched {
  identity: ProcessIdentity;
  /** Returns the signal or exit code once the service has ended. */
  ended: () => string | undefined;
}

/** Refuses links: the service may write to its log's folder, and root opens the file. */
const appended = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/** Runs `command` in the background and appends its output to `logFile`. Rejects when it cannot be started. */
export async function spawnService(
  command: string,
  args: readonly string[],
  logFile: string,
): Promise<Launched> {
  const log = await open(logFile, appended, 0o600);
  try {
    const child = spawn(command, args, {
      cwd: "/",
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      env: bareEnvironment(),
    });
    let end: string | undefined;
    child.once("exit", (code, signal) => (end = signal ?? `code ${code}`));
    await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    child.unref();
    const identity = child.pid === undefined ? undefined : await processIdentity(child.pid);
    return { identity: identity ?? { pid: child.pid ?? 0, startedAt: "" }, ended: () => end };
  } finally {
    await log.close();
  }
}

/** Reads the last `count` lines of a service's log, for the message about a failed start. */
export async function lastLines(logFile: string, count: number): Promise<string> {
  return (await readFile(logFile, "utf8")).trimEnd().split("\n").slice(-count).join("\n");
}
