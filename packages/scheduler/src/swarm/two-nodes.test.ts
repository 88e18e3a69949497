import { randomUUID } from "node:crypto";
import { label, type RolloutSpec } from "@slipway/core";
import { connectDocker, findContainers } from "@slipway/docker";
import {
  aRollout,
  lacksEngine,
  lacksPrivateEngine,
  type PrivateEngine,
  startPrivateEngine,
  startRegistry,
  testEngine,
} from "@slipway/testkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { openSwarmScheduler } from "./swarm-scheduler.ts";

const diskBytes = 32 * 1024 ** 2;
/** Writes twice the limit, in files that are each within it. */
const fill = "for i in 1 2 3 4; do head -c 16M /dev/urandom >/var/tmp/$i || exit 9; done";
const listen = `exec perl -MIO::Socket::INET -e '
  my $server = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 5, ReuseAddr => 1) or die;
  while (1) { my $client = $server->accept or next; close $client; }'`;
const never = new AbortController().signal;
const options = { signal: never, onOutput: () => undefined };
const timeoutMs = 120_000;

describe.skipIf((await lacksEngine()) || (await lacksPrivateEngine()))(
  "on a swarm of two nodes",
  { timeout: timeoutMs },
  () => {
    const opened = new AsyncDisposableStack();
    let stackImage: string;
    let manager: PrivateEngine;
    let node: PrivateEngine;
    beforeAll(async () => {
      ({ stackImage } = await testEngine());
      const images = [stackImage];
      manager = opened.use(await startPrivateEngine({ name: "manager", swarm: "manager", images }));
      node = opened.use(await startPrivateEngine({ name: "node", swarm: { of: manager }, images }));
      // Both nodes use one bridge of this machine, and one of them would fail if both created it at the same time. Now it exists.
      await using scheduler = open();
      await vi.waitFor(() => scheduler.start(aPair(listen), options), 60_000);
    }, timeoutMs);
    afterAll(() => opened.disposeAsync(), timeoutMs);

    const open = (nodes: readonly { readonly dockerHost: string }[] = [node]) =>
      openSwarmScheduler({
        installationId: "test",
        watchImage: stackImage,
        dockerHost: manager.dockerHost,
        nodes,
      });

    /** A rollout of two instances, one on each node. */
    const aPair = (script: string): RolloutSpec => {
      const rollout = aRollout({ image: stackImage, command: ["bash", "-c", script], count: 2 });
      return { ...rollout, bootTimeoutMs: 600_000, limits: { ...rollout.limits, diskBytes } };
    };
    const containersOn = async ({ dockerHost }: PrivateEngine, { rolloutId }: RolloutSpec) => {
      using connection = connectDocker({ dockerHost });
      return await findContainers(connection.docker, { [label.rollout]: rolloutId });
    };

    test("nodes whose engines are not connected, or do not respond, are listed", async () => {
      await using all = open();
      expect(await all.unreachedNodes()).toEqual([]);
      for (const others of [[], [{ dockerHost: `unix:///run/${randomUUID()}` }]]) {
        await using some = open(others);
        expect(await some.unreachedNodes()).toEqual([expect.any(String)]);
      }
    });

    test("images of the nodes are listed and removed", async () => {
      await using registry = await startRegistry();
      using connection = connectDocker(node);
      const repository = `${new URL(registry.url).host}/apps/${randomUUID()}`;
      await connection.docker.getImage(stackImage).tag({ repo: repository, tag: "1" });
      const pushed = await connection.docker.getImage(`${repository}:1`).push({ authconfig: {} });
      await new Promise((resolve) => connection.docker.modem.followProgress(pushed, resolve));
      await using scheduler = open();
      const digests = await scheduler.imageDigests(repository, never);
      expect(digests).toEqual([expect.stringMatching(/^sha256:/)]);
      await scheduler.removeImage(repository, digests[0] ?? "", never);
      expect(await scheduler.imageDigests(repository, never)).toEqual([]);
      await connection.docker.getImage(`${repository}:1`).remove();
    });

    test("an instance on each node that writes too much is replaced", async () => {
      await using scheduler = open();
      const rollout = aPair(`${fill}; ${listen}`);
      await scheduler.start(rollout, options);
      await scheduler.promote(rollout.appId, rollout.rolloutId, { count: 2 });
      const before = await Promise.all([manager, node].map((engine) => containersOn(engine, rollout)));
      expect(before.map(({ length }) => length)).toEqual([1, 1]);
      const overfull = await scheduler.restartOverfull("bytes");
      expect(new Set(overfull.map(({ index }) => index))).toEqual(new Set([1, 2]));
      await vi.waitFor(async () => {
        const instances = await scheduler.instances(rollout.appId);
        const replaced = { state: "running", restartReason: expect.stringContaining("APP_DISK_MB") };
        expect(instances).toMatchObject([replaced, replaced]);
      }, 60_000);
      const after = await Promise.all([manager, node].map((engine) => containersOn(engine, rollout)));
      const ids = after.flat().map(({ Id }) => Id);
      for (const { Id } of before.flat()) expect(ids).not.toContain(Id);
      await scheduler.removeApp(rollout.appId);
    });

    test("an instance on each node that writes too much while it boots fails the start with the limit", async () => {
      await using scheduler = open();
      const filled = Promise.withResolvers<void>();
      let text = "";
      const started = scheduler.start(aPair(`${fill}; echo filled; sleep 600`), {
        signal: never,
        onOutput: (bytes) => {
          text += Buffer.from(bytes).toString("utf8");
          if (text.split("filled").length > 2) filled.resolve();
        },
      });
      started.catch(() => undefined);
      await Promise.race([filled.promise, started]);
      expect(await scheduler.restartOverfull("bytes")).toHaveLength(2);
      await expect(started).rejects.toMatchObject({
        code: "app-crashed",
        message: expect.stringContaining("it wrote more than its 32 MiB of disk (APP_DISK_MB)"),
      });
    });

    test("a discarded start leaves no container on any node, although its instances ignore SIGTERM", async () => {
      await using scheduler = open();
      const rollout = { ...aPair(`trap "" TERM; ${listen}`), stopGraceMs: 600_000 };
      await scheduler.start(rollout, options);
      await scheduler.discard(rollout.appId, rollout.rolloutId, { attempt: rollout.attempt });
      for (const engine of [manager, node]) expect(await containersOn(engine, rollout)).toEqual([]);
    });

    test("images and instances of the other nodes are found while the engine of one does not respond", async () => {
      await using scheduler = open([node, { dockerHost: `unix:///run/${randomUUID()}` }]);
      const rollout = aPair(`${fill}; ${listen}`);
      await scheduler.start(rollout, options);
      await scheduler.promote(rollout.appId, rollout.rolloutId, { count: 2 });
      expect(await scheduler.restartOverfull("bytes")).toHaveLength(2);
      expect(await scheduler.imageDigests("127.0.0.1:1/apps/none", never)).toEqual([]);
      await scheduler.removeImage("127.0.0.1:1/apps/none", `sha256:${"0".repeat(64)}`, never);
      await scheduler.removeApp(rollout.appId);
    });

    test("a discard succeeds when the engine of a node does not respond", async () => {
      await using scheduler = open([{ dockerHost: `unix:///run/${randomUUID()}` }]);
      const rollout = { ...aPair(listen), stopGraceMs: 1_000 };
      await scheduler.start(rollout, options);
      await scheduler.discard(rollout.appId, rollout.rolloutId, { attempt: rollout.attempt });
      expect(await scheduler.list(rollout.appId)).toEqual([]);
    });
  },
);
