import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { lacksEngine, newInstallation, testEngine } from "@slipway/testkit";
import { connectDocker } from "./connection.ts";
import { ensureNetwork } from "./networks.ts";

describe.skipIf(await lacksEngine())("a network", () => {
  test("a network is created only once by concurrent calls", async () => {
    const { dockerHost } = await testEngine();
    await using installation = newInstallation();
    using connection = connectDocker({ dockerHost });
    const name = `slipway-${installation.id}-${randomUUID().slice(0, 8)}`;
    const { signal } = new AbortController();
    const calls = Array.from({ length: 8 }, () =>
      ensureNetwork(connection.docker, name, installation.id, signal),
    );
    const ids = await Promise.all(calls);
    const networks = await connection.docker.listNetworks({ filters: { name: [name] } });
    expect(networks.map(({ Id }) => Id)).toEqual([ids[0]]);
    expect(new Set(ids).size).toBe(1);
  });
});
