// The script that sets up the manager's guard on further nodes of a swarm, tested on two engines.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  lacksEngine,
  lacksPrivateEngine,
  newInstallation,
  startPrivateEngine,
  testEngine,
} from "@slipway/testkit";
import { connectDocker } from "../connection.ts";
import { ensureGuard, removeGuardOf } from "./guard.ts";

const script = join(import.meta.dirname, "../../../../ops/guard-node.sh");
const run = promisify(execFile);

describe.skipIf((await lacksPrivateEngine()) || (await lacksEngine()))("ops/guard-node.sh", () => {
  test("the node gets a guard with the manager's rules and rights, also when it had another one", async () => {
    const { dockerHost: manager, stackImage: image } = await testEngine();
    await using installation = newInstallation();
    await using node = await startPrivateEngine({ name: "node", images: [image] });
    using managerEngine = connectDocker({ dockerHost: manager });
    using nodeEngine = connectDocker(node);
    const { id: installationId } = installation;
    const name = `slipway-${installationId}-guard`;
    const started = () => run(script, [installationId, manager, node.dockerHost]);
    await expect(started()).rejects.toThrow(`no guard ${name} runs on`);
    const bridges = [{ name: "sw-none", shared: false, open: [] }];
    const table = `slipway-${installationId.slice(-8)}`;
    for (const open of [[], [{ range: "10.1.2.3", family: "ip", port: 5432 }] as const]) {
      await ensureGuard(managerEngine.docker, { installationId, image, rules: { table, bridges, open } });
      onTestFinished(() => removeGuardOf(managerEngine.docker, installationId));
      expect((await started()).stdout).toContain("is guarded as on");
      const [ours, copy] = await Promise.all(
        [managerEngine, nodeEngine].map(({ docker }) => docker.getContainer(name).inspect()),
      );
      expect(copy?.State.Running).toBe(true);
      // The shell omits the trailing newline of the rules.
      expect(copy?.Args).toEqual(ours?.Args.map((word) => word.replace(/\n$/, "")));
      expect(copy?.Config.Labels).toEqual(ours?.Config.Labels);
      for (const right of [
        "NetworkMode",
        "CapDrop",
        "SecurityOpt",
        "ReadonlyRootfs",
        "Memory",
        "PidsLimit",
      ] as const)
        expect([right, copy?.HostConfig[right]]).toEqual([right, ours?.HostConfig[right]]);
      // Newer clients write the full names of capabilities.
      expect(copy?.HostConfig.CapAdd).toEqual([expect.stringMatching(/^(?:CAP_)?NET_ADMIN$/)]);
      expect(copy?.HostConfig.RestartPolicy).toMatchObject({ Name: "unless-stopped" });
    }
    await removeGuardOf(nodeEngine.docker, installationId);
  });
});
