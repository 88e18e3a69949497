import {
  lacksEngine,
  lacksPrivateEngine,
  lacksQuotaDisk,
  newInstallation,
  startPrivateEngine,
  testEngine,
} from "@slipway/testkit";
import { describe, expect, test } from "vitest";
import { connectDocker } from "./connection.ts";
import { findContainers } from "./containers.ts";
import { openDiskQuota } from "./disk-quota.ts";

describe.skipIf(await lacksEngine())("the disk quota of an engine", () => {
  test("the quotas of an engine are determined once, which leaves no container", async () => {
    const { dockerHost } = await testEngine();
    await using installation = newInstallation();
    using connection = connectDocker({ dockerHost });
    const diskQuota = openDiskQuota(connection.docker, installation.id);
    expect(await diskQuota()).toBe(await diskQuota());
    expect(await findContainers(connection.docker, { "io.slipway.installation": installation.id })).toEqual(
      [],
    );
  });

  test("an engine that becomes available is queried again", async () => {
    using connection = connectDocker({ dockerHost: "unix:///nowhere/docker.sock" });
    const diskQuota = openDiskQuota(connection.docker, "none");
    const refused = { code: "engine-unavailable" };
    const first = diskQuota();
    await expect(first).rejects.toMatchObject(refused);
    const second = diskQuota();
    expect(second).not.toBe(first);
    await expect(second).rejects.toMatchObject(refused);
  });
});

describe.skipIf((await lacksPrivateEngine()) || (await lacksQuotaDisk()))(
  "an engine on a disk with quotas",
  () => {
    /** A kernel without simple quotas has qgroups. */
    test.for([
      ["simple", [true, false]],
      ["qgroups", [true]],
    ] as const)(
      "the files of containers are limited by its kernel, on btrfs with %s",
      async ([quotas, onBtrfs]) => {
        await using engine = await startPrivateEngine({ name: "quota", quotas });
        using connection = connectDocker(engine);
        const { Driver } = (await connection.docker.info()) as { Driver: string };
        const { containers, includesImage } = await openDiskQuota(connection.docker, "quota")();
        expect(containers).toBe(true);
        expect(Driver === "btrfs" ? onBtrfs : [false]).toContain(includesImage);
      },
    );
  },
);
