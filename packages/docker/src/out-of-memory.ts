// Whether a container that exited had a process killed for want of memory.

import { setTimeout as pause } from "node:timers/promises";
import type Docker from "dockerode";
import { ask } from "./client.ts";

/** 128 + SIGKILL: what the kernel leaves of a process that it kills for want of memory. */
const killedExitCode = 137;
const betweenLooksMs = 100;

/**
 * The engine may learn of it a moment after the exit: so an end that looks like it is looked at for longer.
 * @throws {SlipwayError} as `ask`; the engine's 404 once the container is gone.
 */
export async function ranOutOfMemory(docker: Docker, id: string, exitCode: number): Promise<boolean> {
  const looks = looksAt(exitCode);
  for (let look = 1; ; look += 1) {
    const { State } = await ask("look at the container's end", () => docker.getContainer(id).inspect());
    if (State.OOMKilled || look >= looks) return State.OOMKilled;
    await pause(betweenLooksMs);
  }
}

/** A shell whose command was killed mostly fails with a code of its own. */
function looksAt(exitCode: number): number {
  if (exitCode === killedExitCode) return 20;
  return exitCode === 0 ? 1 : 5;
}
