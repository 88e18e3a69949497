// Enforces a command's disk limits: measures its bytes where the kernel does not reliably limit them, counts its files, and kills it.

import { elapsed } from "@slipway/async";
import { type DiskExcess, type Labels, maxFiles } from "@slipway/core";
import { type FileCounter, killContainer, statusOf, writtenBytes } from "@slipway/docker";
import type Docker from "dockerode";

const minPauseMs = 1_000;
/** Measuring takes at most a quarter of the engine's time. */
const pausePerLook = 3;

interface WatchedCommand {
  readonly id: string;
  readonly diskBytes: number;
  /** Labels of the counting container. */
  readonly labels: Labels;
  /** Called once or twice before the container is killed. */
  readonly onExcess: (excess: DiskExcess) => void;
}

/**
 * Resolves when the container was killed or does not exist, or when the signal has aborted and the watch has ended completely.
 * @throws {SlipwayError} "engine-unavailable" when the container cannot be measured.
 */
export async function killWhenFull(
  docker: Docker,
  files: FileCounter,
  { id, diskBytes, labels, onExcess }: WatchedCommand,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const kill = async (excess: DiskExcess): Promise<void> => {
    onExcess(excess);
    await killContainer(docker, id);
    over.abort();
  };
  const counted = { id, maxFiles: maxFiles(diskBytes), labels };
  try {
    await Promise.all([
      exceedsBytes(docker, id, diskBytes, until).then((is) => (is ? kill("bytes") : undefined)),
      files.exceeds(counted, until).then((is) => (is ? kill("files") : undefined)),
    ]);
  } finally {
    over.abort();
  }
}

async function exceedsBytes(
  docker: Docker,
  id: string,
  diskBytes: number,
  signal: AbortSignal,
): Promise<boolean> {
  let pauseMs = minPauseMs;
  while (await elapsed(pauseMs, signal)) {
    const begunAt = performance.now();
    const bytes = await bytesOf(docker, id);
    // The container may have ended in the meantime.
    if (bytes === null || signal.aborted) return false;
    if (bytes > diskBytes) return true;
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
