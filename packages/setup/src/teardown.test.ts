// Teardown, and the start and stop of a shared engine, on private engines.

import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import Docker from "dockerode";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { label } from "@slipway/core";
import { pulledTagRepository, pulledTag } from "@slipway/docker";
import { lacksEngine, lacksPrivateEngine, startPrivateEngine, testEngine } from "@slipway/testkit";
import { isAlive, processIdentity } from "../bootstrap/lock.mjs";
import { readConfig } from "./config.ts";
import { readEngineRecord, writeEngineRecord } from "./engine/engine-users.ts";
import { ensureEngine, releaseEngine } from "./engine/engine.ts";
import type { MachineEngine } from "./engine/engine.ts";
import { recordEngines, readUsedEngines } from "./engine/engines-used.ts";
import { recordService } from "./services/services.ts";
import { setup } from "./setup.ts";
import { tearDown } from "./teardown.ts";

const opened = new AsyncDisposableStack();
const lines: string[] = [];
const printLine = (line: string) => void lines.push(line);
let folder = "";
let image = "";
let machine: MachineEngine;
let docker: Docker;

beforeEach(() => {
  lines.length = 0;
});

describe.skipIf((await lacksPrivateEngine()) || (await lacksEngine()))("teardown", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-down-"));
    opened.defer(() => rm(folder, { recursive: true }));
    image = (await testEngine()).stackImage;
    const { dockerHost } = opened.use(await startPrivateEngine({ name: "down", images: [image] }));
    machine = { dockerHost, folder };
    docker = new Docker({ socketPath: socketOf(dockerHost) });
  });

  afterAll(() => opened.disposeAsync());

  test("teardown removes resources of the installation and its tests from each recorded engine, whatever DOCKER_HOST is", async () => {
    const dataDir = await newInstallation("0a0a0a0a");
    await recordEngines(dataDir, [{ dockerHost: machine.dockerHost ?? null, cleared: false }]);
    await run("mine", { [label.installation]: "0a0a0a0a" });
    await run("of-tests", { [label.installation]: "test-0b0b0b0b-1" });
    await run("of-compose", { "com.docker.compose.project": "test-0b0b0b0b-2" });
    await run("of-another-clone", { [label.installation]: "test-0b0b0b0c-1" });
    await run("unlabeled", {});
    const config = { dataDir, dockerHost: "unix:///nowhere" };
    await tearDown({ config, testsOf: "test-0b0b0b0b", deleteData: true, printLine });
    expect(await names()).toEqual(["of-another-clone", "unlabeled"]);
    await expect(stat(dataDir)).rejects.toThrow("ENOENT");
    for (const name of await names()) await docker.getContainer(name).remove({ force: true });
  });

  test("teardown of a run of tests removes the images of apps, their snapshots and the builder images that they named, and keeps stacks and the data", async () => {
    const dataDir = await newInstallation("0c0c0c0c");
    await mkdir(join(dataDir, "registry"));
    await writeFile(join(dataDir, "registry/port"), "5999\n");
    await docker.createContainer({ name: "built", Image: image, Cmd: ["true"] });
    for (const [repo, labels] of [
      ["slipway-0c0c0c0c/snapshots/app", { [label.installation]: "0c0c0c0c", [label.kind]: "snapshot" }],
      ["slipway-0c0c0c0d/snapshots/app", { [label.installation]: "0c0c0c0d", [label.kind]: "snapshot" }],
      ["127.0.0.1:5999/apps/app", {}],
      ["127.0.0.1:59990/apps/app", {}],
      ["127.0.0.1:5999/slipway/stack", { [label.installation]: "0c0c0c0c" }],
      ["registry.example/builder", {}],
    ] as const) {
      const changes = ["CMD true", ...Object.entries(labels).map(([key, value]) => `LABEL ${key}=${value}`)];
      await docker.getContainer("built").commit({ repo, changes: changes.join("\n") });
    }
    await docker.getContainer("built").remove();
    const builder = docker.getImage("registry.example/builder:latest");
    await builder.tag({ repo: pulledTagRepository("0c0c0c0c"), tag: pulledTag("registry.example/builder") });
    await builder.tag({ repo: "of-the-operator", tag: "1" });
    const config = { dataDir, dockerHost: machine.dockerHost ?? "" };
    expect(await tearDown({ config, removeAppImages: true, printLine })).toEqual([]);
    expect(await madeImages()).toEqual([
      "127.0.0.1:5999/slipway/stack:latest",
      "127.0.0.1:59990/apps/app:latest",
      "of-the-operator:1",
      "slipway-0c0c0c0d/snapshots/app:latest",
    ]);
    expect(await readFile(join(dataDir, "installation-id"), "utf8")).toBe("0c0c0c0c");
    for (const name of await madeImages()) await docker.getImage(name).remove();
  });

  test("teardown does not delete data that is needed to find resources on an engine that does not answer", async () => {
    const dataDir = await newInstallation("0d0d0d0d");
    const silent = { dockerHost: "unix:///nowhere", cleared: false };
    await recordEngines(dataDir, [silent]);
    const config = { dataDir, dockerHost: machine.dockerHost ?? "" };
    await expect(tearDown({ config, deleteData: true, printLine })).rejects.toThrow(
      /unix:\/\/\/nowhere does not answer/,
    );
    expect(await readFile(join(dataDir, "installation-id"), "utf8")).toBe("0d0d0d0d");
    await tearDown({ config, printLine });
    expect(await readUsedEngines(dataDir)).toEqual([
      silent,
      { dockerHost: machine.dockerHost, cleared: true },
    ]);
    await recordEngines(dataDir, [{ ...silent, cleared: true }]);
    await tearDown({ config, deleteData: true, printLine });
    await expect(stat(dataDir)).rejects.toThrow("ENOENT");
  });

  test("setup does not record an engine that has not answered", async () => {
    const dataDir = await newInstallation("0e0e0e0e");
    const given = { redisUrl: "redis://127.0.0.1:1", registryUrl: "http://127.0.0.1:1", stackImage: image };
    const config = { ...readConfig({ DATA_DIR: dataDir }), ...given };
    await expect(setup({ config: { ...config, dockerHost: "unix:///mistyped" } })).rejects.toThrow(
      "DOCKER_HOST=unix:///mistyped does not answer",
    );
    const dockerHost = machine.dockerHost ?? "";
    const elsewhere = { ...config, dockerHost, schedulerDockerHost: "unix//mistyped" };
    await expect(setup({ config: elsewhere })).rejects.toThrow(
      "SCHEDULER_DOCKER_HOST=unix//mistyped does not answer",
    );
    expect(await readUsedEngines(dataDir)).toEqual([]);
    await expect(setup({ config: { ...config, dockerHost } })).rejects.toThrow("does not answer");
    expect(await readUsedEngines(dataDir)).toEqual([{ dockerHost, cleared: false }]);
    // An engine that responded before may be down for a while.
    await recordEngines(dataDir, [{ dockerHost: "unix:///away", cleared: true }]);
    const away = { ...config, dockerHost, schedulerDockerHost: "unix:///away" };
    await expect(setup({ config: away })).rejects.toThrow("REDIS_URL=");
    expect(await readUsedEngines(dataDir)).toEqual([
      { dockerHost, cleared: false },
      { dockerHost: "unix:///away", cleared: false },
    ]);
    expect(await tearDown({ config: { ...config, dockerHost }, printLine })).toEqual([]);
  });

  test("an engine recorded before it answered prevents deletion only if some engine was reached", async () => {
    const dataDir = await newInstallation("0f0f0f0f");
    const mistyped = ["unix:///mistyped", "unix//mistyped"];
    const notes = mistyped.map((dockerHost) => ({ dockerHost, cleared: false }));
    await writeFile(join(dataDir, "engines.json"), JSON.stringify(notes));
    const config = { dataDir, dockerHost: machine.dockerHost ?? "" };
    await recordService(dataDir, { kind: "container", name: "redis", containerId: "c1" });
    await expect(tearDown({ config, deleteData: true, printLine })).rejects.toThrow(
      `remove its entry from ${join(dataDir, "engines.json")}`,
    );
    await rm(join(dataDir, "services.json"));
    expect(await tearDown({ config, deleteData: true, printLine })).toEqual([]);
    await expect(stat(dataDir)).rejects.toThrow("ENOENT");
  });

  test("the last installation stops an engine that Slipway started, once no container runs on it", async () => {
    const identity = await daemon();
    await writeEngineRecord(folder, { start: { by: "process", ...identity }, users: [] });
    const first = { id: "1a1a1a1a", dataDir: await newInstallation("1a1a1a1a") };
    const second = { id: "2b2b2b2b", dataDir: await newInstallation("2b2b2b2b") };
    await ensureEngine(first, undefined, printLine, machine);
    await ensureEngine(second, "unix:///var/run/docker.sock", printLine, machine);
    const users = [first, second].map(({ id, dataDir }) => ({ installationId: id, dataDir }));
    expect((await readEngineRecord(folder))?.users).toEqual(users);
    await releaseEngine(first.id, printLine, machine);
    expect(lines.at(-1)).toContain(`left running: also used by ${second.dataDir}`);
    // a container of an installation that is not recorded
    await run("of-another", { [label.installation]: "3c3c3c3c" });
    await releaseEngine(second.id, printLine, machine);
    expect(lines.at(-1)).toContain("left running: it still runs 1 other containers");
    await docker.getContainer("of-another").remove({ force: true });
    expect(await isAlive(identity)).toBe(true);
    await releaseEngine(second.id, printLine, machine);
    expect(lines.at(-1)).toContain("stopped");
    expect(await isAlive(identity)).toBe(false);
  });
});

async function newInstallation(id: string): Promise<string> {
  const dataDir = join(folder, id);
  await mkdir(dataDir);
  await writeFile(join(dataDir, "installation-id"), id);
  return dataDir;
}

async function run(name: string, labels: Record<string, string>): Promise<void> {
  const options = { name, Image: image, Labels: labels, HostConfig: { NetworkMode: "none" } };
  const container = await docker.createContainer({ ...options, Cmd: ["sleep", "infinity"] });
  await container.start();
}

async function names(): Promise<string[]> {
  const found = await docker.listContainers({ all: true });
  return found.map(({ Names: [name = ""] }) => name.slice(1)).toSorted();
}

/** The names of images that the engine did not have at its start. */
async function madeImages(): Promise<string[]> {
  const found = await docker.listImages();
  return found
    .flatMap(({ RepoTags }) => RepoTags ?? [])
    .filter((name) => name !== image)
    .toSorted();
}

/** The private engine's process. */
async function daemon() {
  const text = await readFile(join(dirname(socketOf(machine.dockerHost ?? "")), "pid"), "utf8");
  const identity = await processIdentity(Number(text));
  if (!identity) throw new Error("the private engine has no process");
  return identity;
}

function socketOf(dockerHost: string): string {
  return dockerHost.slice("unix://".length);
}
