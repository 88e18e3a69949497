// Watches how much a running build writes.
//
// The engine has no quotas for containers on ext4. So a companion container measures: its own root is the image, and through the
// build's process namespace it sees the build's root, which is the image with the build's changes, and the cache volume. This
// also works on a remote engine, and the build can neither starve nor deceive it. All of /work counts, also files of a snapshot: a
// changed file of the image takes space again, and a removed one frees none. It counts what `du` counts, deleted files that
// are still open, and 4 KiB per inode, to limit empty files too. A build can exceed the limit by what it writes between two
// measurements.

import { elapsed, untilAborted } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { type StartedProcess, callEngine, engineError, removeContainer, startProcess } from "@slipway/docker";
import { cachePath, companionConfig, type SandboxContext, workPath } from "./sandbox-config.ts";

/** Delay before the first measurement, because many builds end before it, and between attempts to start the companion. */
const startDelayMs = 1000;
const maxFailures = 3;
/** The duration of a measurement depends on the number of files and on the file cache. */
const measurementLimitMs = 180_000;
const inodeBytes = 4096;

// It sleeps three times as long as it measures, so it uses at most a quarter of a core.
const script = `
usage() { echo "$(du -sxk "$@" 2>/dev/null | cut -f1) $(du -sx --inodes "$@" 2>/dev/null | cut -f1)"; }
build=/proc/1/root/.
devices="$(stat -c %d $build${workPath}) $(stat -c %d $build${cachePath})"
set -- $(usage --exclude=${workPath} /)
image_kib=$1 image_inodes=$2
while :; do
  begun=$(date +%s)
  set -- $(usage $build) $(usage $build${cachePath})
  held=$(find -L /proc/[0-9]*/fd -mindepth 1 -maxdepth 1 -type f -links 0 -printf '%D %i %k\\n' 2>/dev/null | sort -u |
    awk -v devices=" $devices " 'index(devices, " " $1 " ") { sum += $3 } END { print sum + 0 }')
  echo "$(($1 - image_kib + $3)) $(($2 - image_inodes + $4)) $held"
  sleep $((1 + 3 * ($(date +%s) - begun)))
done`;

/**
 * Resolves to "full" once what the build wrote exceeds `diskBytes`, and to "ended" when the build ends or the signal aborts.
 * @throws {SlipwayError} "engine-unavailable" when the usage cannot be measured while the build runs.
 */
export async function watchDisk(
  docker: Docker,
  sandbox: SandboxContext,
  diskBytes: number,
  signal: AbortSignal,
): Promise<"full" | "ended"> {
  let failures = 0;
  while ((await elapsed(startDelayMs, signal)) && (await isRunning(docker, sandbox.id))) {
    try {
      if (await measure(docker, sandbox, diskBytes, () => (failures = 0), signal)) return "full";
    } catch (error) {
      failures += 1;
      if (failures > maxFailures && !signal.aborted)
        throw engineError("measure the build's disk usage", error);
    }
  }
  return "ended";
}

/** Parses one line of the companion's output. @returns the usage in bytes; null when the line is not a measurement. */
export function parseMeasurement(line: string): number | null {
  const [kib, inodes, heldKib] = line.split(" ").map((part) => (part === "" ? Number.NaN : Number(part)));
  if (kib === undefined || inodes === undefined || heldKib === undefined) return null;
  const bytes = Math.max(kib * 1024, inodes * inodeBytes) + heldKib * 1024;
  return Number.isNaN(bytes) ? null : bytes;
}

/** Runs a companion until the disk is full. @throws when the companion ends earlier, or the signal's reason. */
async function measure(
  docker: Docker,
  sandbox: SandboxContext,
  diskBytes: number,
  onMeasurement: () => void,
  signal: AbortSignal,
): Promise<boolean> {
  const config = companionConfig(sandbox, {
    command: ["sh", "-c", script],
    capabilities: ["DAC_READ_SEARCH", "SYS_PTRACE"],
  });
  const { id } = await callEngine("create a container", () => docker.createContainer(config));
  try {
    using process = await startProcess(docker, id, { signal });
    return await untilAborted(follow(process, diskBytes, onMeasurement), signal);
  } finally {
    await removeContainer(docker, id);
  }
}

async function follow(
  process: StartedProcess,
  diskBytes: number,
  onMeasurement: () => void,
): Promise<boolean> {
  using timeout = setTimeout(() => process[Symbol.dispose](), measurementLimitMs);
  let partialLine = "";
  for await (const chunk of process.output) {
    const lines = (partialLine + Buffer.from(chunk).toString("latin1")).split("\n");
    partialLine = lines.pop() ?? "";
    for (const bytes of lines.map(parseMeasurement)) {
      if (bytes === null) continue;
      if (bytes > diskBytes) return true;
      onMeasurement();
      timeout.refresh();
    }
  }
  throw new SlipwayError(
    "engine-unavailable",
    "the container that measures the build's disk usage ended unexpectedly",
  );
}

/** Whether the build still runs. After its end the watch stops, even if output is still being read. */
async function isRunning(docker: Docker, id: string): Promise<boolean> {
  const { State } = await callEngine("inspect the build's container", () =>
    docker.getContainer(id).inspect(),
  );
  return State.Running;
}
