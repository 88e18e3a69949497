// Sees to it that the build's user owns the volume: it does when the stack image has /work so, and foreign images have not.

import type { Readable } from "node:stream";
import { SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { ask, requestStream, engineError, removeContainer, startProcess } from "@slipway/docker";
import { buildUserId, companionConfig, type SandboxContext, volumePath } from "./sandbox-config.ts";
import { tarOwner } from "./tar-header.ts";

/** To be called on a created sandbox, before it runs. */
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
  const companion = await ask("create a container", () => docker.createContainer(config));
  try {
    using process = await startProcess(docker, companion.id, signal);
    if ((await process.exitCode) !== 0) {
      throw new SlipwayError(
        "configuration-invalid",
        `the stack image ${sandbox.image} needs ${volumePath} owned by user ${buildUserId}, and chown failed in it`,
      );
    }
  } finally {
    await removeContainer(docker, companion.id);
  }
}

/** Only the first header of the archive is read: the volume may hold what the image put there. */
async function volumeOwner(docker: Docker, sandboxId: string, signal: AbortSignal): Promise<number | null> {
  const container = docker.getContainer(sandboxId);
  const open = (): Promise<Readable> => container.getArchive({ path: volumePath }) as Promise<Readable>;
  const archive = await requestStream(`look at ${volumePath}`, open, { signal });
  const head: Uint8Array[] = [];
  try {
    for await (const chunk of archive as AsyncIterable<Uint8Array>) {
      head.push(chunk);
      if (head.reduce((sum, part) => sum + part.length, 0) >= 512) break;
    }
  } catch (error) {
    throw engineError(`look at ${volumePath}`, error);
  }
  return tarOwner(Buffer.concat(head));
}
