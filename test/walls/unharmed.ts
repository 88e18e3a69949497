// The checks after attacks: the same workers are ready, no build or hook leaves anything on the engine, its disk is free again.

import { label } from "@slipway/core";
import { findContainers, measureEngineStorage } from "@slipway/docker";
import type { DockerConnection } from "@slipway/docker";
import { eventually } from "@slipway/testkit";
import type Docker from "dockerode";
import { expect } from "vitest";
import type { SlipwayUnderTest } from "../chaos/slipway.ts";

/** Tolerance for other processes that use the disk. It is less than the space that the largest attacks of the suite take. */
const toleratedBytes = 2 * 1024 ** 3;
/** Values of the label `kind` for containers that end with their deployment. */
const temporaryKinds = ["build", "build-companion", "one-off"];
const never = new AbortController().signal;

export interface Attacked {
  /** Checks after an attack by a deployment. Waits for the removal of its containers, which follows the last status. */
  unharmedAfter(deploymentId: string): Promise<void>;
  /** Checks after all attacks. */
  diskIsFree(): Promise<void>;
}

/** Records the state before the attacks. */
export async function beforeAttacks(
  slipway: SlipwayUnderTest,
  { docker, images }: DockerConnection,
): Promise<Attacked> {
  // The engine's BuildKit has no login for the registry.
  for (const name of ["STACK_IMAGE", "STACK_BUILD_IMAGE"])
    await images.ensure(slipway.environment[name] ?? "", never);
  const freeBytes = await freeBytesOf(slipway, docker);
  const workers = await readyWorkers(slipway);
  return {
    async unharmedAfter(deploymentId) {
      await eventually(async () => (await containersOf(docker, deploymentId)).length === 0);
      expect(await readyWorkers(slipway)).toEqual(workers);
    },
    async diskIsFree() {
      await eventually(async () => (await freeBytesOf(slipway, docker)) > freeBytes - toleratedBytes);
    },
  };
}

/** The ids change when a worker's process ends. */
async function readyWorkers(slipway: SlipwayUnderTest): Promise<readonly string[]> {
  const ready = (await slipway.listWorkers()).filter(({ state }) => state === "ready");
  return ready.map(({ id }) => id).toSorted();
}

async function containersOf(docker: Docker, deploymentId: string): Promise<readonly string[]> {
  const ofKind = (kind: string) =>
    findContainers(docker, { [label.deployment]: deploymentId, [label.kind]: kind });
  const found = await Promise.all(temporaryKinds.map(ofKind));
  return found.flat().map(({ Names }) => Names.join());
}

async function freeBytesOf(
  { installationId, environment }: SlipwayUnderTest,
  docker: Docker,
): Promise<number> {
  const image = environment["STACK_BUILD_IMAGE"] ?? "";
  return (await measureEngineStorage(docker, { installationId, image }, never)).disk.freeBytes;
}
