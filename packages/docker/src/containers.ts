// Finds containers by label, and kills, stops and removes them in any state.

import { setTimeout as pause } from "node:timers/promises";
import type { Labels } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine, statusOf } from "./client.ts";

const maxRemovalAttempts = 10;
const maxUnreachableAttempts = 3;
/** Covers more than a minute: on a busy btrfs the engine takes that long to remove a container's files. */
const maxAttemptsInProgress = 40;
/** The engine's own default for a container without a `StopTimeout`. */
const defaultStopSeconds = 10;
const stopExtraMs = 60_000;

/** Containers, in any state, that have all these labels. */
export async function findContainers(docker: Docker, labels: Labels): Promise<Docker.ContainerInfo[]> {
  const filter = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return await callEngine("list containers", (abortSignal) =>
    docker.listContainers({ all: true, filters: { label: filter }, abortSignal }),
  );
}

/**
 * Sends SIGKILL. Does nothing when the container has exited or does not exist. The engine's own time limit is too short for very many
 * processes, or for processes with very many open files; they end later.
 */
export async function killContainer(docker: Docker, id: string): Promise<void> {
  try {
    await callEngine("kill the container", () => docker.getContainer(id).kill(), { limitMs: 20_000 });
  } catch (error) {
    if (![404, 409].includes(statusOf(error) ?? 0) && !isStillEnding(error)) throw error;
  }
}

function isStillEnding(error: unknown): boolean {
  return statusOf(error) === 500 && /did not receive an exit event/.test(String(error));
}

/**
 * Sends SIGTERM, then SIGKILL after the container's `StopTimeout`. Does nothing when the container has exited or does not
 * exist.
 */
export async function stopContainer(docker: Docker, id: string): Promise<void> {
  const container = docker.getContainer(id);
  try {
    const { Config } = await callEngine("inspect the container", () => container.inspect());
    const { StopTimeout = defaultStopSeconds } = Config as { readonly StopTimeout?: number };
    await callEngine("stop the container", () => container.stop(), {
      limitMs: StopTimeout * 1000 + stopExtraMs,
    });
  } catch (error) {
    if (![304, 404].includes(statusOf(error) ?? 0)) throw error;
  }
}

/**
 * Removes a container with its anonymous volumes, even while it runs. Does nothing when it does not exist. Retries for some
 * seconds when the engine refuses, for example because of a busy mount, and for a minute while a removal is in progress.
 */
export async function removeContainer(docker: Docker, id: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await callEngine("remove the container", () =>
        docker.getContainer(id).remove({ force: true, v: true }),
      );
      return;
    } catch (error) {
      const status = statusOf(error);
      if (status === 404) return;
      if (attempt >= maxAttemptsAfter(error)) throw error;
    }
    await pause(100 * attempt);
  }
}

function maxAttemptsAfter(error: unknown): number {
  if (statusOf(error) === null) return maxUnreachableAttempts;
  return /is already in progress/.test(String(error)) ? maxAttemptsInProgress : maxRemovalAttempts;
}
