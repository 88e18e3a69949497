// Runs a build until it exits, the caller aborts, its disk is full or the engine stops responding.

import { rejectionOf, untilAborted } from "@slipway/async";
import type { Sandbox, SandboxExit } from "@slipway/core";
import type Docker from "dockerode";
import { watchDisk } from "./disk-watch.ts";
import { type StartedProcess, killContainer, ranOutOfMemory, startProcess } from "@slipway/docker";
import { watchEngine } from "./engine-watch.ts";
import type { SandboxContext } from "./sandbox-config.ts";

type RunOptions = Parameters<Sandbox["run"]>[0];

/** @see Sandbox.run */
export async function runBuild(
  docker: Docker,
  sandbox: SandboxContext,
  diskBytes: number,
  options: RunOptions,
): Promise<SandboxExit> {
  using process = await startProcess(docker, sandbox.id, options);
  const ended = new AbortController();
  const disk = killWhenFull(docker, sandbox, diskBytes, ended.signal);
  const engine = watchEngine(docker, ended.signal);
  try {
    const exitCode = await untilAborted(
      Promise.race([finish(process, options), rejectionOf(disk), rejectionOf(engine)]),
      options.signal,
    );
    ended.abort();
    const diskFull = await disk;
    const outOfMemory = !diskFull && (await ranOutOfMemory(docker, sandbox.id, exitCode));
    return { exitCode, diskFull, outOfMemory };
  } catch (error) {
    // The first error is reported even if the kill fails; disposing of the sandbox removes the container again.
    await Promise.allSettled([killContainer(docker, sandbox.id)]);
    throw error;
  } finally {
    ended.abort();
    await Promise.allSettled([disk, engine]);
  }
}

/** Delivers all output, then returns the exit code. */
async function finish(process: StartedProcess, { onOutput, onOutputEnd }: RunOptions): Promise<number> {
  for await (const bytes of process.output) await onOutput(bytes);
  onOutputEnd?.();
  return await process.exitCode;
}

/** @returns whether the build was killed because its disk was full. */
async function killWhenFull(
  docker: Docker,
  sandbox: SandboxContext,
  diskBytes: number,
  signal: AbortSignal,
): Promise<boolean> {
  if ((await watchDisk(docker, sandbox, { diskBytes, signal })) === "ended") return false;
  await killContainer(docker, sandbox.id);
  return true;
}
