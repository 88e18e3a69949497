// Finds the instances on an engine that exceed their disk limits: in bytes, which some engines' kernels limit, and in number of
// files, which no kernel limits. All are measured with one engine call, and counted by one container.

import { DeadlineError } from "@slipway/async";
import { type DiskExcess, type Labels, excessText, maxFiles, mebibytesText } from "@slipway/core";
import {
  type FileCounter,
  measureContainers,
  type MeasuredContainer,
  type RunningContainer,
  runningContainers,
  statusOf,
  writtenBytes,
} from "@slipway/docker";
import type Docker from "dockerode";
import { diskLabel, labelsOf } from "./instance-config.ts";

/** Enough for many instances: some thousand instances with few files take a second. */
const bulkLimitMs = 60_000;

/** An engine, with the counter of its containers' files. */
export interface MeasuredEngine {
  readonly docker: Docker;
  readonly files: FileCounter;
}

/** The running container of an instance that exceeds its limit. */
export interface OverfullContainer extends RunningContainer {
  /** What the instance exceeded, and its limit: the predicate of a sentence, for the app's owner. */
  readonly reason: string;
}

/** @throws {SlipwayError} "engine-unavailable" */
export async function overfullContainers(
  engine: MeasuredEngine,
  installationId: string,
  excess: DiskExcess,
): Promise<readonly OverfullContainer[]> {
  const labels = labelsOf(installationId);
  return await (excess === "bytes" ? withExcessBytes(engine, labels) : withExcessFiles(engine, labels));
}

async function withExcessBytes({ docker }: MeasuredEngine, labels: Labels): Promise<OverfullContainer[]> {
  const measured = await measureAll(docker, labels);
  return measured
    .filter((one) => one.writtenBytes > limitOf(one))
    .map((one) => ({ id: one.id, labels: one.labels, reason: bytesText(one) }));
}

async function withExcessFiles(
  { docker, files }: MeasuredEngine,
  labels: Labels,
): Promise<OverfullContainer[]> {
  const limited = (await runningContainers(docker, labels)).filter((one) => Number.isFinite(limitOf(one)));
  // Shuffled, because a pass may end before the last of them.
  const counted = limited.map((one) => ({
    id: one.id,
    maxFiles: maxFiles(limitOf(one)),
    turn: Math.random(),
  }));
  const counts = await files.count(counted.toSorted((a, b) => a.turn - b.turn));
  return limited
    .filter((one) => (counts.get(one.id) ?? 0) > maxFiles(limitOf(one)))
    .map((one) => ({ id: one.id, labels: one.labels, reason: excessText("files", limitOf(one)) }));
}

/** When the engine does not measure all in time, one of them may have too many files, so each is measured separately. */
async function measureAll(docker: Docker, labels: Labels): Promise<readonly MeasuredContainer[]> {
  try {
    return await measureContainers(docker, labels, bulkLimitMs);
  } catch (error) {
    if (!(error instanceof Error && error.cause instanceof DeadlineError)) throw error;
  }
  const measured: MeasuredContainer[] = [];
  for (const container of await runningContainers(docker, labels)) {
    const bytes = await ignoringAbsence(() => writtenBytes(docker, container.id));
    if (bytes !== null) measured.push({ ...container, writtenBytes: bytes });
  }
  return measured;
}

/** @returns null when the requested resource does not exist on the engine. */
export async function ignoringAbsence<T>(request: () => Promise<T>): Promise<T | null> {
  try {
    return await request();
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** @returns the limit in bytes; infinity for a container that an earlier version created. */
function limitOf({ labels }: RunningContainer): number {
  return Number(labels[diskLabel] ?? Number.POSITIVE_INFINITY);
}

function bytesText(instance: MeasuredContainer): string {
  const { writtenBytes: bytes } = instance;
  if (!Number.isFinite(bytes)) return excessText("files", limitOf(instance));
  const limit = `${mebibytesText(limitOf(instance))} (APP_DISK_MB)`;
  return `wrote ${mebibytesText(bytes, "up")}, its limit is ${limit}`;
}
