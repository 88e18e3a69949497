// Watches how much a running build has put in its volume, and says when it is too much.
//
// The engine has no quota for a volume on ext4, and no call that tells one volume's size without measuring all. So a
// companion container measures: it shares the build's volume (read-only) and process table, which works on a remote
// engine too, and the build can neither starve it nor lie to it. It counts what `du` counts, files that were deleted but are held
// open, and 4 KiB for each inode, so that empty files are bounded as well. A build may overshoot by what it writes between two looks.

import { elapsed, untilAborted } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { type StartedProcess, ask, engineError, removeContainer, startProcess } from "@slipway/docker";
import { companionConfig, type SandboxContext, volumePath } from "./sandbox-config.ts";

/** Before the first look, as many builds are over by then, and between tries to look. */
const restMs = 1000;
const failuresAllowed = 3;
/** A look takes as long as the volume is large, and the cache cold. */
const lookLimitMs = 180_000;
const inodeBytes = 4096;

// Three times as much rest as work: the watch costs a quarter of a core at the very most.
const script = `
device=$(stat -c %d ${volumePath})
while :; do
  begun=$(date +%s)
  kib=$(du -sxk ${volumePath} 2>/dev/null | cut -f1)
  inodes=$(du -sx --inodes ${volumePath} 2>/dev/null | cut -f1)
  held=$(find -L /proc/[0-9]*/fd -mindepth 1 -maxdepth 1 -type f -links 0 -printf '%D %i %k\\n' 2>/dev/null | sort -u |
    awk -v device="$device" '$1 == device { sum += $3 } END { print sum + 0 }')
  echo "$kib $inodes $held"
  sleep $((1 + 3 * ($(date +%s) - begun)))
done`;

/**
 * Resolves to "full" once the build's volume holds more than `diskBytes`, to "ended" when the signal ends the watch.
 * @throws {SlipwayError} "engine-unavailable" when the volume cannot be measured while the build runs on.
 */
export async function watchDisk(
  docker: Docker,
  sandbox: SandboxContext,
  diskBytes: number,
  signal: AbortSignal,
): Promise<"full" | "ended"> {
  let failures = 0;
  while ((await elapsed(restMs, signal)) && (await isRunning(docker, sandbox.id))) {
    try {
      if (await look(docker, sandbox, diskBytes, () => (failures = 0), signal)) return "full";
    } catch (error) {
      failures += 1;
      if (failures > failuresAllowed && !signal.aborted) throw engineError("watch the build's disk", error);
    }
  }
  return "ended";
}

/** Bytes that one line of the companion stands for; null when it is none. */
export function parseReading(line: string): number | null {
  const [kib, inodes, heldKib] = line.split(" ").map((part) => (part === "" ? Number.NaN : Number(part)));
  if (kib === undefined || inodes === undefined || heldKib === undefined) return null;
  const bytes = Math.max(kib * 1024, inodes * inodeBytes) + heldKib * 1024;
  return Number.isNaN(bytes) ? null : bytes;
}

/** @returns whether the volume is full; throws, or returns false, when the companion could not go on. */
async function look(
  docker: Docker,
  sandbox: SandboxContext,
  diskBytes: number,
  onReading: () => void,
  signal: AbortSignal,
): Promise<boolean> {
  const config = companionConfig(sandbox, {
    command: ["sh", "-c", script],
    capabilities: ["DAC_READ_SEARCH", "SYS_PTRACE"],
    seesProcesses: true,
    writes: false,
  });
  const { id } = await ask("create a container", () => docker.createContainer(config));
  try {
    using process = await startProcess(docker, id, signal);
    return await untilAborted(follow(process, diskBytes, onReading), signal);
  } finally {
    await removeContainer(docker, id);
  }
}

async function follow(process: StartedProcess, diskBytes: number, onReading: () => void): Promise<boolean> {
  using late = setTimeout(() => process[Symbol.dispose](), lookLimitMs);
  let begun = "";
  for await (const chunk of process.output) {
    const lines = (begun + Buffer.from(chunk).toString("latin1")).split("\n");
    begun = lines.pop() ?? "";
    for (const bytes of lines.map(parseReading)) {
      if (bytes === null) continue;
      if (bytes > diskBytes) return true;
      onReading();
      late.refresh();
    }
  }
  throw new SlipwayError("engine-unavailable", "what watches the build's disk ended by itself");
}

/** A build that has ended needs no watch, though its output may still be on the way. */
async function isRunning(docker: Docker, id: string): Promise<boolean> {
  const { State } = await ask("look at the build", () => docker.getContainer(id).inspect());
  return State.Running;
}
