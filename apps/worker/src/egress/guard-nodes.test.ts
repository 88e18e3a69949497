import { rename } from "node:fs/promises";
import { connectDocker } from "@slipway/docker";
import {
  lacksEngine,
  lacksPrivateEngine,
  newInstallation,
  startPrivateEngine,
  testEngine,
} from "@slipway/testkit";
import { describe, expect, test } from "vitest";
import { readConfig } from "../config.ts";
import { guardEgress } from "./guard-egress.ts";

const timeoutMs = 180_000;
const never = new AbortController().signal;

describe.skipIf((await lacksPrivateEngine()) || (await lacksEngine()))(
  "the guard of a swarm's nodes",
  { timeout: timeoutMs },
  () => {
    test("a node gets the manager's rules, at the first check after it responds, and loses them with EGRESS=open", async () => {
      await using opened = new AsyncDisposableStack();
      const { stackImage } = await testEngine();
      const { id: installationId } = opened.use(newInstallation());
      const images = [stackImage];
      const manager = opened.use(await startPrivateEngine({ name: "manager", swarm: "manager", images }));
      const node = opened.use(await startPrivateEngine({ name: "node", swarm: { of: manager }, images }));
      const [managerEngine, nodeEngine] = [manager, node].map((one) => opened.use(connectDocker(one)));
      const warnings: string[] = [];
      const own = { builds: manager, releases: manager, nodes: [node] };
      const contextOf = (egress: string, engines = own) => ({
        config: readConfig({
          INSTALLATION_ID: installationId,
          REDIS_URL: "redis://127.0.0.1:1",
          REGISTRY_URL: "http://127.0.0.1:1",
          STACK_IMAGE: stackImage,
          RECEIPT_KEY: "0123456789abcdef0123456789abcdef",
          SCHEDULER: "swarm",
          EGRESS: egress,
        }),
        logger: { warn: (_details: unknown, message = "") => void warnings.push(message) },
        redis: { hget: async () => null, hset: async () => 1 },
        keys: { egressProven: "proven" },
        engines,
      });
      const guardOf = (engine: typeof nodeEngine) =>
        engine?.docker.getContainer(`slipway-${installationId}-guard`).inspect();

      const socket = node.dockerHost.replace("unix://", "");
      await rename(socket, `${socket}-away`);
      const guard = opened.use(await guardEgress(contextOf("guarded"), never));
      expect(warnings).toContain("a node of the swarm does not respond: its egress guard is not changed");
      await expect(guard.check()).rejects.toMatchObject({ code: "engine-unavailable" });
      await rename(`${socket}-away`, socket);
      await guard.check();
      const [ours, copy] = [await guardOf(managerEngine), await guardOf(nodeEngine)];
      expect(copy?.State.Running).toBe(true);
      // The same but for the names of the engine's own bridges and of its table.
      const rulesIn = (found: typeof ours) =>
        found?.Args.join(" ").replaceAll(/(?:sw|slipway)-[0-9a-f]{8,}/g, "OWN");
      expect(rulesIn(copy)).toEqual(rulesIn(ours));
      expect(copy?.Args).not.toEqual(ours?.Args);

      await nodeEngine?.docker.getContainer(copy?.Id ?? "").stop({ t: 0 });
      await guard.check();
      expect((await guardOf(nodeEngine))?.State.Running).toBe(true);

      // A worker that builds on the node gives it the same guard.
      const builder = contextOf("guarded", { builds: node, releases: manager, nodes: [node] });
      opened.use(await guardEgress(builder, never));
      expect((await guardOf(nodeEngine))?.Id).toBe(copy?.Id);

      opened.use(await guardEgress(contextOf("open"), never));
      for (const engine of [managerEngine, nodeEngine])
        await expect(guardOf(engine)).rejects.toMatchObject({ statusCode: 404 });
    });
  },
);
