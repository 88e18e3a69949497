// Finding our containers by label, and removing one for good, whatever state it is in.

import { setTimeout as pause } from "node:timers/promises";
import type { Labels } from "@slipway/core";
import type Docker from "dockerode";
import { ask, statusOf } from "./client.ts";

const removalTries = 10;
const unreachableTries = 3;

/** Containers in any state that carry all these labels. */
export async function findContainers(docker: Docker, labels: Labels): Promise<Docker.ContainerInfo[]> {
  const filter = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return await ask("list containers", (abortSignal) =>
    docker.listContainers({ all: true, filters: { label: filter }, abortSignal }),
  );
}

/** Ends the container's processes at once. One that has ended or is gone is fine. */
export async function killContainer(docker: Docker, id: string): Promise<void> {
  try {
    await ask("kill the container", () => docker.getContainer(id).kill(), { limitMs: 20_000 });
  } catch (error) {
    if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
  }
}

/** SIGTERM, then SIGKILL after `graceMs`, in whole seconds upwards. One that has ended or is gone is fine. */
export async function stopContainer(docker: Docker, id: string, graceMs: number): Promise<void> {
  const stop = (): Promise<unknown> => docker.getContainer(id).stop({ t: Math.ceil(graceMs / 1000) });
  try {
    await ask("stop the container", stop, { limitMs: graceMs + 60_000 });
  } catch (error) {
    if (![304, 404].includes(statusOf(error) ?? 0)) throw error;
  }
}

/**
 * Removes a container with its anonymous volumes, also while it runs. One that is gone is fine. A refusal (a removal in
 * progress, a busy mount) is tried again for some seconds.
 */
export async function removeContainer(docker: Docker, id: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await ask("remove the container", () => docker.getContainer(id).remove({ force: true, v: true }));
      return;
    } catch (error) {
      const status = statusOf(error);
      if (status === 404) return;
      if (attempt >= (status === null ? unreachableTries : removalTries)) throw error;
    }
    await pause(100 * attempt);
  }
}
