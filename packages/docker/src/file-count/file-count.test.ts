// Counting containers' files on a real engine, with and without quotas, where the storage driver may differ.

import { label } from "@slipway/core";
import {
  eventually,
  lacksEngine,
  lacksPrivateEngine,
  lacksQuotaDisk,
  newInstallation,
  startEngineProxy,
  startPrivateEngine,
  testEngine,
} from "@slipway/testkit";
import type Docker from "dockerode";
import { describe, expect, test } from "vitest";
import { connectDocker } from "../connection.ts";
import { findContainers, removeContainer } from "../containers.ts";
import { openFileCounter } from "./file-count.ts";

interface Engine {
  readonly dockerHost: string;
  readonly stackImage: string;
}

/** A counter, and containers of the stack's image that each run a command as root. */
async function open({ dockerHost, stackImage }: Engine, opened: AsyncDisposableStack) {
  const installation = opened.use(newInstallation());
  const connection = opened.use(connectDocker({ dockerHost }));
  const labels = { [label.installation]: installation.id };
  return {
    connection,
    counter: openFileCounter(connection, { image: stackImage, labels }),
    /** @returns a container after its process has printed something or ended. */
    containerOf: async (script: string): Promise<Docker.Container> => {
      const command = ["bash", "-c", script];
      const { docker } = connection;
      const container = await docker.createContainer({ Image: stackImage, Cmd: command, User: "0:0" });
      opened.defer(() => removeContainer(docker, container.id));
      await container.start();
      await eventually(async () => (await container.logs({ stdout: true })).length > 0);
      return container;
    },
    counters: () => findContainers(connection.docker, labels),
  };
}

function countsOn(start: (opened: AsyncDisposableStack) => Promise<Engine>): void {
  test("files, folders and names are counted up to a limit, wherever they are, and no container is left", async () => {
    await using opened = new AsyncDisposableStack();
    const { counter, counters, containerOf } = await open(await start(opened), opened);
    expect(await counter.uncountedDriver()).toBeNull();
    const names = "mkdir /m; cd /m; seq 1 300 | xargs touch; chmod 0 /m";
    const containers = [
      await containerOf("echo none"),
      await containerOf(`${names}; echo files`),
      await containerOf("mkdir /m; touch /m/0; for i in {1..299}; do ln /m/0 /m/$i; done; echo links"),
      await containerOf(`${names}; echo running; sleep 600`),
    ];
    const countUpTo = async (maxFiles: number) => {
      const counts = await counter.count(containers.map(({ id }) => ({ id, maxFiles })));
      return containers.map(({ id }) => counts.get(id) ?? 0);
    };
    const [before = 0, ...counted] = await countUpTo(100_000);
    expect(before).toBeLessThan(20);
    for (const files of counted) {
      // The engine creates some files of a container at about the same time, the last of which count on btrfs.
      expect(files).toBeGreaterThanOrEqual(301);
      expect(files).toBeLessThan(301 + 20);
    }
    expect(await countUpTo(200)).toEqual([before, 201, 201, 201]);
    expect(await counters()).toEqual([]);
  });

  test("a container is watched until it has more files than it may, or until it is gone", async () => {
    await using opened = new AsyncDisposableStack();
    const { connection, counter, counters, containerOf } = await open(await start(opened), opened);
    const { docker } = connection;
    const { id } = await containerOf("echo begun; read -r _ </dev/tcp/localhost/1 || sleep 600");
    const watched = { id, maxFiles: 500, labels: {} };
    const stop = new AbortController();
    const exceeds = counter.exceeds(watched, stop.signal);
    const exec = await docker.getContainer(id).exec({
      Cmd: ["bash", "-c", "mkdir /m; cd /m; seq 1 1000 | xargs touch"],
    });
    await exec.start({ Detach: true });
    expect(await exceeds).toBe(true);
    const another = counter.exceeds({ ...watched, maxFiles: 100_000 }, stop.signal);
    await removeContainer(docker, id);
    expect(await another).toBe(false);
    stop.abort();
    expect(await counters()).toEqual([]);
  });
}

describe.skipIf(await lacksEngine())("on an engine without quotas", () => {
  countsOn(testEngine);

  test("all containers are counted in one pass", async () => {
    await using opened = new AsyncDisposableStack();
    const { dockerHost, stackImage } = await testEngine();
    const made: string[] = [];
    const onAnswer = async (request: string) =>
      void (request.startsWith("POST /containers/create") && made.push(request));
    const engine = opened.use(await startEngineProxy(dockerHost, { onAnswer }));
    const { counter, containerOf } = await open({ ...engine, stackImage }, opened);
    const containers = await Promise.all(
      ["a", "b", "c"].map((name) => containerOf(`touch /${name}; echo ${name}`)),
    );
    made.length = 0;
    const counted = containers.map(({ id }) => ({ id, maxFiles: 10 }));
    const counts = await counter.count([...counted, { id: "0123456789ab", maxFiles: 10 }]);
    expect([...counts.keys()].toSorted()).toEqual(containers.map(({ id }) => id).toSorted());
    expect(made).toHaveLength(1);
    expect(await counter.count([])).toEqual(new Map());
    expect(made).toHaveLength(1);
  });

  test("a count that cannot be made is an error, not a low number", async () => {
    await using opened = new AsyncDisposableStack();
    const engine = await testEngine();
    const { connection, counters, containerOf } = await open(engine, opened);
    const container = await containerOf("rm /usr/bin/find; echo up");
    const repo = `slipway-test-no-find-${container.id.slice(0, 12)}`;
    await container.commit({ repo });
    opened.defer(() => connection.docker.getImage(repo).remove({ force: true }));
    const counter = openFileCounter(connection, { image: `${repo}:latest`, labels: {} });
    const count = counter.count([{ id: container.id, maxFiles: 10 }]);
    await expect(count).rejects.toMatchObject({ code: "engine-unavailable" });
    expect(await counters()).toEqual([]);
  });
});

describe.skipIf((await lacksPrivateEngine()) || (await lacksQuotaDisk()))("on an engine with quotas", () => {
  countsOn(async (opened) => {
    const { stackImage } = await testEngine();
    const options = { name: "file-count", quotas: "qgroups" as const, images: [stackImage] };
    const { dockerHost } = opened.use(await startPrivateEngine(options));
    return { dockerHost, stackImage };
  });
});
