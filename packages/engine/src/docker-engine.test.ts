import { Readable } from "node:stream";
import type { SandboxSpec } from "@slipway/core";
import type Docker from "dockerode";
import { describe, expect, test } from "vitest";
import {
  engineContract,
  engineFront,
  lacksEngine,
  newInstallation,
  packTar,
  testEngine,
} from "@slipway/testkit";
import { openEngine } from "./docker-engine.ts";
import { connectDocker } from "@slipway/docker";

const never = new AbortController().signal;
const ownFolder = { kind: "directory", mode: 0o755, uid: 2000, gid: 2000 } as const;

describe.skipIf(await lacksEngine())("on a Docker Engine", () => {
  engineContract("the Docker Engine", async () => {
    const { dockerHost, stackImage } = await testEngine();
    const cleaning = new AsyncDisposableStack();
    const [ours, others] = [cleaning.use(newInstallation()), cleaning.use(newInstallation())];
    return {
      image: stackImage,
      open: () => openEngine({ installationId: ours.id, dockerHost }),
      openOther: () => openEngine({ installationId: others.id, dockerHost }),
      [Symbol.asyncDispose]: () => cleaning.disposeAsync(),
    };
  });

  test("removing a sandbox removes its volume, even after the disk watch used it", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using installation = newInstallation();
    await using engine = openEngine({ installationId: installation.id, dockerHost });
    using direct = connectDocker({ dockerHost });
    const sandbox = await engine.createSandbox(spec(stackImage, "sleep 3"), never);
    const { Mounts } = await direct.docker.getContainer(sandbox.id).inspect();
    const volume = Mounts.find(({ Destination }) => Destination === "/work/cache")?.Name ?? "";
    await sandbox.run({ onOutput: () => undefined, signal: never });
    await expect(direct.docker.getVolume(volume).inspect()).resolves.toMatchObject({ Name: volume });
    await sandbox[Symbol.asyncDispose]();
    await expect(direct.docker.getVolume(volume).inspect()).rejects.toMatchObject({ statusCode: 404 });
    expect(await containersOf(direct.docker, installation.id)).toEqual([]);
  });

  test("workers that start at the same time share one network", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using installation = newInstallation();
    using direct = connectDocker({ dockerHost });
    const engines = [1, 2, 3, 4].map(() => openEngine({ installationId: installation.id, dockerHost }));
    await Promise.all(engines.map((engine) => engine.createSandbox(spec(stackImage, "true"), never)));
    const name = `slipway-${installation.id}-build`;
    const networks = await direct.docker.listNetworks({ filters: { name: [name] } });
    expect(networks.length).toBe(1);
    expect(await engines[0]?.removeSandboxes({})).toBe(4);
    await Promise.all(engines.map((engine) => engine[Symbol.asyncDispose]()));
  });

  test("builds run with the given container runtime", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using installation = newInstallation();
    using direct = connectDocker({ dockerHost });
    const { Runtimes } = (await direct.docker.info()) as { readonly Runtimes: Record<string, unknown> };
    const runtime = Object.keys(Runtimes).find((name) => name.includes("runc")) ?? "";
    await using engine = openEngine({ installationId: installation.id, dockerHost, runtime });
    await using sandbox = await engine.createSandbox(spec(stackImage, "true"), never);
    const { HostConfig } = await direct.docker.getContainer(sandbox.id).inspect();
    expect(HostConfig).toMatchObject({ Runtime: runtime });
    expect((await sandbox.run({ onOutput: () => undefined, signal: never })).exitCode).toBe(0);
  });

  test("a build gets a folder /work of its own in an image where it is root's", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using installation = newInstallation();
    await using engine = openEngine({ installationId: installation.id, dockerHost });
    using direct = connectDocker({ dockerHost });
    await using image = await imageWithForeignWork(direct.docker, stackImage, installation.id);
    await using sandbox = await engine.createSandbox(
      spec(image.name, "touch /work/mine /work/cache/mine"),
      never,
    );
    await sandbox.upload("/work", Readable.from([await packTar({ "cache/": ownFolder })]), never);
    expect((await sandbox.run({ onOutput: () => undefined, signal: never })).exitCode).toBe(0);
  });

  test("calls in progress fail when the engine becomes unavailable", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using installation = newInstallation();
    await using front = await engineFront(dockerHost);
    await using engine = openEngine({ installationId: installation.id, dockerHost: front.dockerHost });
    const sandbox = await engine.createSandbox(spec(stackImage, "echo begun; sleep 600"), never);
    const ended = sandbox.run({ onOutput: () => front.close(), signal: never });
    await expect(ended).rejects.toMatchObject({ code: "engine-unavailable" });
    await expect(engine.ping()).rejects.toMatchObject({ code: "engine-unavailable" });
    await expect(sandbox[Symbol.asyncDispose]()).rejects.toMatchObject({ code: "engine-unavailable" });
  });

  test("a truncated download fails", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using installation = newInstallation();
    await using front = await engineFront(dockerHost);
    await using engine = openEngine({ installationId: installation.id, dockerHost: front.dockerHost });
    const fill = "dd if=/dev/urandom of=/work/large bs=1M count=20";
    const sandbox = await engine.createSandbox(spec(stackImage, fill), never);
    await sandbox.run({ onOutput: () => undefined, signal: never });
    const read = async (): Promise<void> => {
      for await (const _ of await sandbox.download("/work", never)) front.close();
    };
    await expect(read()).rejects.toMatchObject({ code: "engine-unavailable" });
  });
});

test("calls to an engine that does not exist fail with engine-unavailable", async () => {
  await using engine = openEngine({ installationId: "test", dockerHost: "unix:///nowhere/docker.sock" });
  await expect(engine.ping()).rejects.toMatchObject({ code: "engine-unavailable" });
  await expect(engine.createSandbox(spec("any", "true"), never)).rejects.toMatchObject({
    code: "engine-unavailable",
  });
});

function spec(image: string, script: string): SandboxSpec {
  return {
    image,
    command: ["bash", "-c", script],
    environment: {},
    labels: {},
    limits: { memoryBytes: 256 * 1024 ** 2, cpus: 1, pids: 64, tmpfsBytes: 2 ** 24, diskBytes: 2 ** 30 },
  };
}

async function containersOf(docker: Docker, installationId: string) {
  return await docker.listContainers({
    all: true,
    filters: { label: [`io.slipway.installation=${installationId}`] },
  });
}

/** A variant of the stack image with /work owned by root, as in an image that was not made for Slipway. */
async function imageWithForeignWork(docker: Docker, stackImage: string, tag: string) {
  const container = await docker.createContainer({
    Image: stackImage,
    User: "0:0",
    Cmd: ["chown", "0:0", "/work"],
    HostConfig: { NetworkMode: "none" },
  });
  await container.start();
  await container.wait();
  const name = `slipway-foreign-work:${tag}`;
  await container.commit({ repo: "slipway-foreign-work", tag });
  await container.remove();
  return { name, [Symbol.asyncDispose]: async () => void (await docker.getImage(name).remove()) };
}
