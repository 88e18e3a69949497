// The check after an attack: the same workers are ready, nothing of a build or a hook is left on the engine, its disk is free again.

import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { connectDocker, findContainers } from "@slipway/docker";
import { label } from "@slipway/core";
import { installationId } from "@slipway/setup";
import { expect, inject } from "vitest";
import { call } from "../e2e/slipway.ts";

/** Other processes use the disk too: less than what an attack of this suite takes. */
const toleratedBytes = 2 * 1024 ** 3;
/** Values of the label `kind` for containers that end with their deployment. */
const temporaryKinds = ["build", "build-companion", "one-off"];

interface State {
  /** The ids change when a worker's process ends and the supervisor starts another one. */
  readonly workers: readonly string[];
  readonly containers: readonly string[];
  readonly usedBytes: number;
}

/**
 * Records the state before an attack.
 * @returns the check to call after it. It waits until the state is reached, because containers are removed after the last status.
 */
export async function beforeAttack(): Promise<() => Promise<void>> {
  const before = await state();
  return async () => {
    await expect.poll(async () => (await state()).containers).toEqual([]);
    await expect.poll(async () => (await state()).usedBytes).toBeLessThan(before.usedBytes + toleratedBytes);
    expect((await state()).workers).toEqual(before.workers);
  };
}

async function state(): Promise<State> {
  const id = await installationId(dirname(inject("logFolder")));
  if (id === undefined) throw new Error("the folder of the installation has no id");
  const { workers } = await call<{ workers: { id: string; state: string }[] }>("GET", "/v1/workers");
  using connection = connectDocker({});
  const found = await Promise.all(
    temporaryKinds.map((kind) =>
      findContainers(connection.docker, { [label.installation]: id, [label.kind]: kind }),
    ),
  );
  const { DockerRootDir } = (await connection.docker.info()) as { DockerRootDir: string };
  const disk = await statfs(DockerRootDir);
  return {
    workers: workers
      .filter((worker) => worker.state === "ready")
      .map((worker) => worker.id)
      .toSorted(),
    containers: found.flat().map(({ Names }) => Names.join()),
    usedBytes: (disk.blocks - disk.bfree) * disk.bsize,
  };
}
