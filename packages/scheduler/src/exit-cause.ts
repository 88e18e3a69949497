// Determines why an instance's container ended: out of memory, or killed because it exceeded a disk limit.

import { type DiskExcess, excessOf, maxFiles } from "@slipway/core";
import { killedExitCode, ranOutOfMemory, writtenBytes } from "@slipway/docker";
import type { MeasuredEngine } from "./overfull-containers.ts";

/** If neither applies, only the exit code explains the end. */
export interface ExitCause {
  readonly outOfMemory: boolean;
  readonly diskFull: DiskExcess | null;
}

/**
 * @param ended the container, and its disk limit.
 * @throws {SlipwayError} "engine-unavailable", with the engine's status 404 when the container does not exist.
 */
export async function causeOfExit(
  engine: MeasuredEngine,
  { id, exitCode, diskBytes }: { readonly id: string; readonly exitCode: number; readonly diskBytes: number },
): Promise<ExitCause> {
  const outOfMemory = await ranOutOfMemory(engine.docker, id, exitCode);
  const wasKilled = exitCode === killedExitCode && !outOfMemory;
  return { outOfMemory, diskFull: wasKilled ? await exceededLimit(engine, id, diskBytes) : null };
}

/** @returns null within the limit. If files cannot be counted, the result is null too: the periodic count reports the reason. */
async function exceededLimit(
  { docker, files }: MeasuredEngine,
  id: string,
  diskBytes: number,
): Promise<DiskExcess | null> {
  const [bytes, counts] = await Promise.all([
    writtenBytes(docker, id),
    files.count([{ id, maxFiles: maxFiles(diskBytes) }]).catch(() => new Map<string, number>()),
  ]);
  return excessOf({ bytes, files: counts.get(id) ?? 0 }, diskBytes);
}
