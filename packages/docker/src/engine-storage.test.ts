import { describe, expect, test } from "vitest";
import { label } from "@slipway/core";
import { lacksEngine, newInstallation, testEngine } from "@slipway/testkit";
import { connectDocker } from "./connection.ts";
import { findContainers } from "./containers.ts";
import { measureEngineStorage } from "./engine-storage.ts";

describe.skipIf(await lacksEngine())("the storage of an engine", () => {
  test("the disk, the images and the installation's snapshots are measured, also twice at the same time, and no container is left", async () => {
    const { dockerHost, stackImage: image } = await testEngine();
    await using installation = newInstallation();
    using connection = connectDocker({ dockerHost });
    const { docker } = connection;
    const labels = {
      [label.installation]: installation.id,
      [label.kind]: "snapshot",
      [label.sizeBytes]: "12345",
    };
    const container = await docker.createContainer({ Image: image, Cmd: ["true"] });
    const changes = ["CMD true", ...Object.entries(labels).map(([name, value]) => `LABEL ${name}=${value}`)];
    await container.commit({ repo: `slipway-${installation.id}/snapshots/app`, changes: changes.join("\n") });
    await container.remove();
    const options = { installationId: installation.id, image };
    const signal = AbortSignal.timeout(120_000);
    const [measured, again] = await Promise.all([
      measureEngineStorage(docker, options, signal),
      measureEngineStorage(docker, options, signal),
    ]);
    const { host, disk, parts } = measured;
    expect(host).toBe(again.host);
    expect(disk.freeBytes).toBeGreaterThan(0);
    expect(disk.sizeBytes).toBeGreaterThan(disk.freeBytes);
    const { Size } = await docker.getImage(image).inspect();
    expect(parts.images).toBeGreaterThanOrEqual(Size);
    expect(parts.snapshots).toBe(12_345);
    expect(parts.volumes).toBeGreaterThanOrEqual(0);
    expect(await findContainers(docker, { [label.installation]: installation.id })).toEqual([]);
  });
});
