// Whether the kernel's OOM killer killed a process of a container that exited.

import { setTimeout as pause } from "node:timers/promises";
import type Docker from "dockerode";
import { callEngine } from "./client.ts";

/** 128 + SIGKILL: the exit code of a process that the OOM killer killed. */
const killedExitCode = 137;
const pollIntervalMs = 100;

/**
 * The engine may record the OOM kill shortly after the exit, so a suspicious exit code is polled more often.
 * @throws {SlipwayError} like `callEngine`; with the engine's status 404 when the container no longer exists.
 */
export async function ranOutOfMemory(docker: Docker, id: string, exitCode: number): Promise<boolean> {
  const polls = pollsFor(exitCode);
  for (let poll = 1; ; poll += 1) {
    const { State } = await callEngine("inspect the container", () => docker.getContainer(id).inspect());
    if (State.OOMKilled || poll >= polls) return State.OOMKilled;
    await pause(pollIntervalMs);
  }
}

/** A shell whose command was killed usually exits with another code. */
function pollsFor(exitCode: number): number {
  if (exitCode === killedExitCode) return 20;
  return exitCode === 0 ? 1 : 5;
}
