// Watches how much a running build writes.
//
// Most engines have no quotas for containers, so a companion container measures: its own root is the image, and through the
// build's process namespace it sees the build's root, which is the image with the build's changes, and the cache volume. This
// also works on a remote engine, and the build can neither starve nor deceive it. All of /work counts, including files of a snapshot: a
// changed file of the image takes space again, and a removed one frees none. It counts what `du` counts, deleted files that
// are still open, and 4 KiB per inode, to limit empty files too. A build can exceed the limit by the amount that it writes between
// two measurements, so a measurement begins as soon as the file system has lost as much space as the build had left. A build whose
// files take too long to count is treated as full: it has too many of them, or too many open files.

import { elapsed, untilAborted } from "@slipway/async";
import { bytesPerFile, countSeconds, SlipwayError, writtenSize } from "@slipway/core";
import type Docker from "dockerode";
import {
  type StartedProcess,
  callEngine,
  engineError,
  removeContainer,
  startProcess,
  statusOf,
} from "@slipway/docker";
import { cachePath, companionConfig, type SandboxContext, workPath } from "./sandbox-config.ts";

/** Delay before the first measurement, because many builds end before it, and between attempts to start the companion. */
const startDelayMs = 1000;
const maxFailures = 3;
/** Time limit for measuring open files; `countSeconds` is the limit for measuring the bytes or the inodes. */
const openFilesSeconds = 20;
/** A companion without output for this long hangs; counting the image's own files precedes the first measurement. */
const silenceLimitMs = 180_000;
const late = "late";

export interface DiskWatchOptions {
  readonly diskBytes: number;
  readonly signal: AbortSignal;
  /** Tests set a shorter time. */
  readonly countSeconds?: number;
}

// Each measurement prints its counts as soon as they are available: "KIB INODES HELD_KIB", with 0 for missing ones. Then the script
// sleeps three times as long as it measured, so it uses at most a quarter of a core; it compares the free space once per second.
const script = `
set -o pipefail
limit_kib=$1 count=$2 open=$3 file_kib=$4
build=/proc/1/root/.
kib() { timeout "$count" du -sxk "$@" 2>/dev/null | cut -f1; [ "\${PIPESTATUS[0]}" != 124 ]; }
inodes() { timeout "$count" du -sx --inodes "$@" 2>/dev/null | cut -f1; [ "\${PIPESTATUS[0]}" != 124 ]; }
free_kib() { echo $(($(stat -f -c '%f * %S' $build) / 1024)); }
late() { echo ${late}; sleep infinity; }
held() {
  timeout "$open" find -L /proc/[0-9]*/fd -mindepth 1 -maxdepth 1 -type f -links 0 -printf '%D %i %k\\n' 2>/dev/null |
    awk -v devices=" $devices " -v limit="$limit_kib" -v least="$file_kib" '
      index(devices, " " $1 " ") && !seen[$1 " " $2]++ { sum += $3 > least ? $3 : least; if (sum > limit) exit }
      END { print sum + 0 }'
  [ "\${PIPESTATUS[0]}" != 124 ]
}
devices="$(stat -c %d $build${workPath}) $(stat -c %d $build${cachePath})"
image_kib=$(du -sxk --exclude=${workPath} / 2>/dev/null | cut -f1)
image_inodes=$(du -sx --inodes --exclude=${workPath} / 2>/dev/null | cut -f1)
while :; do
  begun=$SECONDS free=$(free_kib)
  root=$(kib $build) && cache=$(kib $build${cachePath}) || late
  used=$((root - image_kib + cache))
  echo "$used 0 0"
  root=$(inodes $build) && cache=$(inodes $build${cachePath}) || late
  echo "$used $((root - image_inodes + cache)) 0"
  open_kib=$(held) || late
  echo "$used 0 $open_kib"
  left=$((limit_kib - used - open_kib))
  for ((rest = 1 + 3 * (SECONDS - begun); rest > 0; rest--)); do
    sleep 1
    [ $((free - $(free_kib))) -le $left ] || break
  done
done`;

/**
 * Resolves to "full" once the build's files exceed `diskBytes` or cannot be counted in time, and to "ended" when the build
 * ends or the signal aborts.
 * @throws {SlipwayError} "engine-unavailable" when the usage cannot be measured while the build runs.
 */
export async function watchDisk(
  docker: Docker,
  sandbox: SandboxContext,
  options: DiskWatchOptions,
): Promise<"full" | "ended"> {
  const { signal } = options;
  let failures = 0;
  while ((await elapsed(startDelayMs, signal)) && (await isRunning(docker, sandbox.id))) {
    try {
      if (await measure(docker, sandbox, options, () => (failures = 0))) return "full";
    } catch (error) {
      failures += 1;
      // A companion ends together with its build.
      if (failures > maxFailures && !signal.aborted && (await isRunning(docker, sandbox.id)))
        throw engineError("measure the build's disk usage", error);
    }
  }
  return "ended";
}

/**
 * Parses one line of the companion's output.
 * @returns the usage in bytes, infinity when it could not be measured in time; null when the line is not a measurement.
 */
export function parseMeasurement(line: string): number | null {
  if (line === late) return Number.POSITIVE_INFINITY;
  const [kib, inodes, heldKib] = line.split(" ").map((part) => (part === "" ? Number.NaN : Number(part)));
  if (kib === undefined || inodes === undefined || heldKib === undefined) return null;
  const bytes = writtenSize({ bytes: kib * 1024, files: inodes }) + heldKib * 1024;
  return Number.isNaN(bytes) ? null : bytes;
}

/** Runs a companion until the disk is full. @throws when the companion ends earlier, or the signal's reason. */
async function measure(
  docker: Docker,
  sandbox: SandboxContext,
  options: DiskWatchOptions,
  onMeasurement: () => void,
): Promise<boolean> {
  const { diskBytes, signal } = options;
  const seconds = options.countSeconds ?? countSeconds;
  const limits = [Math.ceil(diskBytes / 1024), seconds, openFilesSeconds, bytesPerFile / 1024];
  const config = companionConfig(sandbox, {
    command: ["bash", "-c", script, "disk-watch", ...limits.map(String)],
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
  using timeout = setTimeout(() => process[Symbol.dispose](), silenceLimitMs);
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

/** Whether the build is still running. After its end the watch stops, even if output is still being read. */
async function isRunning(docker: Docker, id: string): Promise<boolean> {
  try {
    const { State } = await callEngine("inspect the build's container", () =>
      docker.getContainer(id).inspect(),
    );
    return State.Running;
  } catch (error) {
    // A worker that takes over the deployment removes the container.
    if (statusOf(error) === 404) return false;
    throw error;
  }
}
