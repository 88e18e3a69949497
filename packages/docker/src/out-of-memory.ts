// Detects whether the kernel's OOM killer killed a process of an exited container.

import { setTimeout as pause } from "node:timers/promises";
import type Docker from "dockerode";
import { callEngine } from "./client.ts";

/** 128 + SIGKILL: the exit code of a process that the OOM killer killed. */
export const killedExitCode = 137;
/** 128 + SIGTERM and 128 + SIGKILL: exit codes of processes that an engine ends when it stops. */
const endedByEngine = new Set([killedExitCode, 143]);
const pollIntervalMs = 100;

/**
 * The engine may record the OOM kill shortly after the exit, so it is polled more often after a suspicious exit code. When the engine
 * cannot report it, a process that ended by itself counts as not killed: its exit code remains its own failure.
 * @throws {SlipwayError} like `callEngine`, when the engine may have ended the process; with the engine's status 404 when the
 * container no longer exists.
 */
export async function ranOutOfMemory(docker: Docker, id: string, exitCode: number): Promise<boolean> {
  const polls = pollsFor(exitCode);
  for (let poll = 1; ; poll += 1) {
    const killed = await wasKilled(docker, id).catch((error: unknown) => {
      if (exitCode === 0 || endedByEngine.has(exitCode)) throw error;
      return null;
    });
    if (killed === null) return false;
    if (killed || poll >= polls) return killed;
    await pause(pollIntervalMs);
  }
}

async function wasKilled(docker: Docker, id: string): Promise<boolean> {
  const { State } = await callEngine("inspect the container", () => docker.getContainer(id).inspect());
  return State.OOMKilled;
}

/** A shell whose command was killed usually exits with another code. */
function pollsFor(exitCode: number): number {
  if (exitCode === killedExitCode) return 20;
  return exitCode === 0 ? 1 : 5;
}
