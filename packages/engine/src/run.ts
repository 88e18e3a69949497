// One build from its start to its exit, guarded on the way: the caller's abort, a full disk, an engine that falls silent.

import { setTimeout as pause } from "node:timers/promises";
import type { SandboxExit } from "@slipway/core";
import type Docker from "dockerode";
import { watchDisk } from "./disk-watch.ts";
import { type StartedProcess, ask, killContainer, startProcess, unlessAborted } from "@slipway/docker";
import { watchEngine } from "./engine-watch.ts";
import type { SandboxPlace } from "./sandbox-config.ts";

/** 128 + SIGKILL: what the kernel's out-of-memory killer leaves, and what a kill of ours does. */
const killedExitCode = 137;

interface RunOptions {
  readonly onOutput: (bytes: Uint8Array) => void | Promise<void>;
  readonly signal: AbortSignal;
}

/** @see Sandbox.run */
export async function runBuild(
  docker: Docker,
  sandbox: SandboxPlace,
  diskBytes: number,
  options: RunOptions,
): Promise<SandboxExit> {
  using process = await startProcess(docker, sandbox.id, options.signal);
  const over = new AbortController();
  const disk = killWhenFull(docker, sandbox, diskBytes, over.signal);
  const engine = watchEngine(docker, over.signal);
  try {
    const exitCode = await unlessAborted(
      Promise.race([finish(process, options.onOutput), failureOf(disk), failureOf(engine)]),
      options.signal,
    );
    over.abort();
    return {
      exitCode,
      diskFull: await disk,
      outOfMemory: await ranOutOfMemory(docker, sandbox.id, exitCode),
    };
  } catch (error) {
    // Whether the kill comes through or not, what went wrong first is what counts; disposing the sandbox tries again.
    await Promise.allSettled([killContainer(docker, sandbox.id)]);
    throw error;
  } finally {
    over.abort();
    await Promise.allSettled([disk, engine]);
  }
}

/** The exit code, once all output is delivered. */
async function finish(process: StartedProcess, onOutput: RunOptions["onOutput"]): Promise<number> {
  for await (const bytes of process.output) await onOutput(bytes);
  return await process.exitCode;
}

/** @returns whether the build was killed for that. */
async function killWhenFull(
  docker: Docker,
  sandbox: SandboxPlace,
  diskBytes: number,
  signal: AbortSignal,
): Promise<boolean> {
  if ((await watchDisk(docker, sandbox, diskBytes, signal)) === "ended") return false;
  await killContainer(docker, sandbox.id);
  return true;
}

/** A guard is heard only when it fails. */
function failureOf(guard: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    guard.catch(reject);
  });
}

/** The engine may learn of it a moment after the exit. */
async function ranOutOfMemory(docker: Docker, id: string, exitCode: number): Promise<boolean> {
  const looks = exitCode === killedExitCode ? 3 : 1;
  for (let look = 1; ; look += 1) {
    const { State } = await ask("look at the build's end", () => docker.getContainer(id).inspect());
    if (State.OOMKilled || look >= looks) return State.OOMKilled;
    await pause(100);
  }
}
