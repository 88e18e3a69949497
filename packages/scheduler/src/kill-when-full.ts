// Limits what a command writes where the kernel does not, or not always: measures its files, and kills it.

import { elapsed } from "@slipway/async";
import { killContainer, statusOf, writtenBytes } from "@slipway/docker";
import type Docker from "dockerode";

const minPauseMs = 1_000;
/** The engine measures at most a quarter of the time. */
const pausePerLook = 3;

/** @returns true once it has killed the container; false when the signal aborts, or when the container does not exist. */
export async function killWhenFull(
  docker: Docker,
  id: string,
  diskBytes: number,
  signal: AbortSignal,
): Promise<boolean> {
  let pauseMs = minPauseMs;
  while (await elapsed(pauseMs, signal)) {
    const begunAt = performance.now();
    const bytes = await bytesOf(docker, id);
    // The container may have ended meanwhile.
    if (bytes === null || signal.aborted) return false;
    if (bytes > diskBytes) {
      await killContainer(docker, id);
      return true;
    }
    pauseMs = Math.max(minPauseMs, pausePerLook * (performance.now() - begunAt));
  }
  return false;
}

async function bytesOf(docker: Docker, id: string): Promise<number | null> {
  try {
    return await writtenBytes(docker, id);
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}
