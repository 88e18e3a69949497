// Measures the bytes that containers wrote in addition to their images, as calculated by the engine: without volumes and tmpfs mounts.

import { DeadlineError } from "@slipway/async";
import type { Labels } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine } from "./client.ts";

/** The engine reads the metadata of every file. */
const measureLimitMs = 30_000;

interface MeasureOptions {
  readonly signal?: AbortSignal;
  readonly limitMs?: number;
}

/**
 * @returns infinity when the container has too many files for the engine to measure in time, although the engine responds.
 * @throws {SlipwayError} "engine-unavailable", with the engine's status 404 when the container does not exist.
 */
export async function writtenBytes(
  docker: Docker,
  id: string,
  { signal, limitMs = measureLimitMs }: MeasureOptions = {},
): Promise<number> {
  // The types lack this option.
  const options: Docker.ContainerInspectOptions & { readonly size: true } = { size: true };
  const request = (abortSignal: AbortSignal) => docker.getContainer(id).inspect({ ...options, abortSignal });
  try {
    const found = await callEngine("measure the container's files", request, { signal, limitMs });
    const { SizeRw = 0 }: typeof found & { readonly SizeRw?: number } = found;
    return SizeRw;
  } catch (error) {
    if (!(error instanceof Error && error.cause instanceof DeadlineError)) throw error;
    await callEngine("answer", () => docker.ping(), { signal });
    return Number.POSITIVE_INFINITY;
  }
}

export interface RunningContainer {
  readonly id: string;
  readonly labels: Labels;
}

export interface MeasuredContainer extends RunningContainer {
  readonly writtenBytes: number;
}

/** The running containers that have all these labels. @throws {SlipwayError} "engine-unavailable" */
export async function runningContainers(
  docker: Docker,
  labels: Labels,
): Promise<readonly RunningContainer[]> {
  const filters = { label: filterOf(labels) };
  const listed = await callEngine("list containers", (abortSignal) =>
    docker.listContainers({ filters, abortSignal }),
  );
  return listed.map(runningContainer);
}

/** Measures these containers in one call. @throws {SlipwayError} "engine-unavailable" */
export async function measureContainers(
  docker: Docker,
  labels: Labels,
  limitMs: number,
): Promise<readonly MeasuredContainer[]> {
  const filters = { label: filterOf(labels) };
  const list = (abortSignal: AbortSignal) => docker.listContainers({ size: true, filters, abortSignal });
  const listed = await callEngine("measure the files of containers", list, { limitMs });
  return listed.map((found) => {
    const { Id: id, Labels, SizeRw = 0 }: typeof found & { readonly SizeRw?: number } = found;
    return { id, labels: Labels, writtenBytes: SizeRw };
  });
}

function filterOf(labels: Labels): string[] {
  return Object.entries(labels).map(([name, value]) => `${name}=${value}`);
}

function runningContainer({ Id, Labels: labels }: Docker.ContainerInfo): RunningContainer {
  return { id: Id, labels };
}
