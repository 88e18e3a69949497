import { randomUUID } from "node:crypto";
import { label, type RolloutSpec } from "@slipway/core";
import { connectDocker, type DockerConnection, findContainers, killContainer } from "@slipway/docker";
import {
  aRollout,
  lacksEngine,
  lacksPrivateEngine,
  type PrivateEngine,
  schedulerContract,
  startPrivateEngine,
  testEngine,
} from "@slipway/testkit";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { findServices, findTasksOfAll, removeService } from "./swarm-api.ts";
import { openSwarmScheduler } from "./swarm-scheduler.ts";

/** A server that answers HTTP with a text that differs after each start. */
const server = `exec perl -MIO::Socket::INET -e '
  open(my $random, "<", "/proc/sys/kernel/random/uuid") or die;
  my $started = <$random>;
  my $server = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 5, ReuseAddr => 1) or die;
  while (my $client = $server->accept) {
    while (<$client> =~ /\\S/) {}
    print $client "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\n", $started;
    close $client;
  }'`;
const diskBytes = 32 * 1024 ** 2;
/** Writes twice the limit, in files that are each within it. */
const fill = "for i in 1 2 3 4; do head -c 16M /dev/urandom >/var/tmp/$i || exit 9; done";
/** Much longer than a swarm takes to restart an instance on a busy machine. */
const eventLimitMs = 120_000;
const options = { signal: new AbortController().signal, onOutput: () => undefined };

describe.skipIf((await lacksEngine()) || (await lacksPrivateEngine()))("on a swarm", () => {
  const opened = new AsyncDisposableStack();
  let stackImage: string;
  let engine: PrivateEngine;
  let direct: DockerConnection;
  beforeAll(async () => {
    ({ stackImage } = await testEngine());
    engine = opened.use(await startPrivateEngine({ name: "swarm", swarm: "manager", images: [stackImage] }));
    direct = opened.use(connectDocker(engine));
  });
  afterAll(() => opened.disposeAsync());

  const open = (network?: string) =>
    openSwarmScheduler({
      installationId: "test",
      watchImage: stackImage,
      dockerHost: engine.dockerHost,
      ...(network === undefined ? {} : { network }),
    });

  schedulerContract("the scheduler for a Docker Swarm", async () => ({
    dockerHost: engine.dockerHost,
    image: stackImage,
    open,
    [Symbol.asyncDispose]: async () => undefined,
  }));

  test("the tasks of several services are found also if one of the services was removed", async () => {
    await using scheduler = open();
    const rollout = aServer(stackImage);
    await scheduler.start(rollout, options);
    const [service] = await findServices(direct.docker, "test", rollout.appId);
    const tasks = await findTasksOfAll(direct.docker, [service?.id ?? "", "removed"]);
    expect(tasks).toMatchObject([{ ServiceID: service?.id }]);
    await scheduler.removeApp(rollout.appId);
  });

  test("a start fails when its service is removed", async () => {
    await using scheduler = open();
    const rollout = { ...aServer(stackImage), command: ["sleep", "600"], bootTimeoutMs: 600_000 };
    const starting = scheduler.start(rollout, options);
    starting.catch(() => undefined);
    await vi.waitFor(async () => {
      const [service] = await findServices(direct.docker, "test", rollout.appId);
      await removeService(direct.docker, service?.id ?? "missing");
      expect(service).toBeDefined();
    }, eventLimitMs);
    await expect(starting).rejects.toMatchObject({
      code: "engine-unavailable",
      message: "the service of the release was removed from the swarm while it started",
    });
  });

  test("a release continues after its container was killed, and its new address is listed", async () => {
    await using scheduler = open();
    const rollout = aServer(stackImage);
    const { appId, rolloutId } = rollout;
    const before = await scheduler.start(rollout, options);
    await scheduler.promote(appId, rolloutId, { count: 1 });
    const [container] = await findContainers(direct.docker, { [label.rollout]: rolloutId });
    const first = await get(before);
    await killContainer(direct.docker, container?.Id ?? "");
    const restarting = { state: "restarting", address: null };
    await vi.waitFor(
      async () => expect(await scheduler.instances(appId)).toMatchObject([restarting]),
      eventLimitMs,
    );
    const after = await vi.waitFor(async () => {
      const addresses = await scheduler.addresses(appId, rolloutId);
      expect(addresses).toHaveLength(1);
      return addresses;
    }, eventLimitMs);
    expect(await get(after)).not.toBe(first);
    await scheduler.removeApp(appId);
  });

  test.for([
    {
      excess: "bytes",
      writes: fill,
      reason: /^wrote 6\d MiB, its limit is 32/,
    },
    {
      excess: "files",
      writes: "cd /var/tmp; seq 1 9000 | xargs touch",
      reason: /^created more than 8192 files/,
    },
  ] as const)(
    "an instance with too many $excess is replaced by one with the files of its image, and says so",
    async ({ excess, writes, reason }) => {
      await using scheduler = open();
      const modest = aServer(stackImage);
      const command = ["bash", "-c", `${writes}; ${server}`];
      const greedy = {
        ...aServer(stackImage),
        command,
        limits: { ...aServer(stackImage).limits, diskBytes },
      };
      for (const rollout of [modest, greedy]) {
        await scheduler.start(rollout, options);
        await scheduler.promote(rollout.appId, rollout.rolloutId, { count: 1 });
      }
      const [before] = await findContainers(direct.docker, { [label.rollout]: greedy.rolloutId });
      expect(await scheduler.restartOverfull(excess)).toEqual([
        { appId: greedy.appId, index: 1, reason: expect.stringMatching(reason) },
      ]);
      const [after] = await vi.waitFor(async () => {
        const instances = await scheduler.instances(greedy.appId);
        expect(instances).toMatchObject([{ state: "running" }]);
        return instances;
      }, eventLimitMs);
      expect(after?.restartReason).toMatch(/^the container .* \(APP_DISK_MB\): it was started again/);
      // Including their files.
      const left = await findContainers(direct.docker, { [label.rollout]: greedy.rolloutId });
      expect(left.map(({ Id }) => Id)).not.toContain(before?.Id);
      expect(await scheduler.instances(modest.appId)).toMatchObject([{ restartReason: null }]);
      for (const { appId } of [modest, greedy]) await scheduler.removeApp(appId);
    },
  );

  test("an instance that writes too much while it boots fails its start with the limit", async () => {
    await using scheduler = open();
    const filled = Promise.withResolvers<void>();
    const command = ["bash", "-c", `${fill}; echo filled; sleep 600`];
    const rollout = { ...aServer(stackImage), command, bootTimeoutMs: 600_000 };
    const limited = { ...rollout, limits: { ...rollout.limits, diskBytes } };
    const started = scheduler.start(limited, { ...options, onOutput: () => filled.resolve() });
    started.catch(() => undefined);
    await Promise.race([filled.promise, started]);
    expect(await scheduler.restartOverfull("bytes")).toMatchObject([{ appId: rollout.appId }]);
    await expect(started).rejects.toMatchObject({
      code: "app-crashed",
      message: expect.stringContaining("it wrote more than its 32 MiB of disk (APP_DISK_MB)"),
    });
  });

  test("a promotion restarts no instance, and instances join the configured network", async () => {
    const network = `proxy-${randomUUID().slice(0, 8)}`;
    await direct.docker.createNetwork({ Name: network, Driver: "overlay", Attachable: true });
    await using scheduler = open(network);
    const rollout = aServer(stackImage);
    const { appId, rolloutId } = rollout;
    const addresses = await scheduler.start(rollout, options);
    const before = await get(addresses);
    await scheduler.promote(appId, rolloutId, { count: 1 });
    const [container] = await findContainers(direct.docker, { [label.rollout]: rolloutId });
    expect(Object.keys(container?.NetworkSettings.Networks ?? {})).toEqual([network]);
    expect(await scheduler.addresses(appId, rolloutId)).toEqual(addresses);
    expect(await get(addresses)).toBe(before);
    await scheduler.removeApp(appId);
  });
});

describe.skipIf(await lacksEngine())("on an engine outside of a swarm", () => {
  test("a ping fails with engine-unavailable", async () => {
    const { dockerHost } = await testEngine();
    await using scheduler = openSwarmScheduler({ installationId: "test", watchImage: "none", dockerHost });
    await expect(scheduler.ping()).rejects.toMatchObject({
      code: "engine-unavailable",
      message: expect.stringContaining("not a swarm manager"),
    });
  });
});

async function get(addresses: readonly { host: string; port: number }[]): Promise<string> {
  const [address] = addresses;
  return await (await fetch(`http://${address?.host}:${address?.port}/`)).text();
}

function aServer(image: string): RolloutSpec {
  return aRollout({ image, command: ["bash", "-c", server], hostname: "shop.example.com" });
}
