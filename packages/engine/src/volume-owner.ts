// Makes the build's user the owner of the volume, unless the image's /work already has that owner.

import type { Readable } from "node:stream";
import { SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, requestStream, engineError, removeContainer, startProcess } from "@slipway/docker";
import { readEntries } from "@slipway/tar";
import { buildUserId, companionConfig, type SandboxContext, volumePath } from "./sandbox-config.ts";

/**
 * Call it for a created sandbox before it runs.
 * @throws {SlipwayError} "configuration-invalid" when chown fails in the image; "engine-unavailable".
 */
export async function ensureVolumeOwner(
  docker: Docker,
  sandbox: SandboxContext,
  signal: AbortSignal,
): Promise<void> {
  if ((await volumeOwner(docker, sandbox.id, signal)) === buildUserId) return;
  const config = companionConfig(sandbox, {
    command: ["chown", `${buildUserId}:${buildUserId}`, volumePath],
    capabilities: ["CHOWN"],
    seesProcesses: false,
    writes: true,
  });
  const companion = await callEngine("create a container", () => docker.createContainer(config));
  try {
    using process = await startProcess(docker, companion.id, signal);
    if ((await process.exitCode) !== 0) {
      throw new SlipwayError(
        "configuration-invalid",
        `chown of ${volumePath} failed in the stack image ${sandbox.image}; make user ${buildUserId} its owner in the image`,
      );
    }
  } finally {
    await removeContainer(docker, companion.id);
  }
}

/** Numeric owner; null if there is no directory. Reads only the first entry of the tar, because the volume may have content from the image. */
async function volumeOwner(docker: Docker, sandboxId: string, signal: AbortSignal): Promise<number | null> {
  const container = docker.getContainer(sandboxId);
  const open = (): Promise<Readable> => container.getArchive({ path: volumePath }) as Promise<Readable>;
  const archive = await requestStream(`read the owner of ${volumePath}`, open, { signal });
  try {
    for await (const { kind, uid } of readEntries(archive, {})) return kind === "directory" ? uid : null;
    return null;
  } catch (error) {
    throw engineError(`read the owner of ${volumePath}`, error);
  }
}
