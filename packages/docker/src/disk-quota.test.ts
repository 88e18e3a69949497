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
  test("what an engine limits is found out once, and leaves no container", async () => {
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
    test.for(["simple", "qgroups"] as const)(
      "the files of containers are limited by its kernel: %s",
      async (quotas) => {
        await using engine = await startPrivateEngine({ name: "quota", quotas });
        using connection = connectDocker(engine);
        expect(await openDiskQuota(connection.docker, "quota")()).toMatchObject({ containers: true });
      },
    );
  },
);
