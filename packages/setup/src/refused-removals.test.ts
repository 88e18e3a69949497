// Teardown on a shared engine that refuses to remove resources in use.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { label } from "@slipway/core";
import {
  lacksEngine,
  lacksPrivateEngine,
  startEngineProxy,
  startPrivateEngine,
  testEngine,
} from "@slipway/testkit";
import type { EngineProxyOptions } from "@slipway/testkit";
import { isAlive, processIdentity } from "../bootstrap/lock.mjs";
import { recordEngines, readUsedEngines } from "./engine/engines-used.ts";
import { readServices, recordService } from "./services/services.ts";
import { tearDown } from "./teardown.ts";

const id = "4d4d4d4d";
const ours = { [label.installation]: id };
const opened = new AsyncDisposableStack();
const printLine = () => undefined;
let folder = "";
let image = "";
let dockerHost = "";
let docker: Docker;
let dataDir = "";

describe.skipIf((await lacksPrivateEngine()) || (await lacksEngine()))(
  "an engine that refuses removals",
  () => {
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "slipway-refused-"));
      opened.defer(() => rm(folder, { recursive: true }));
      image = (await testEngine()).stackImage;
      ({ dockerHost } = opened.use(await startPrivateEngine({ name: "refusing", images: [image] })));
      docker = new Docker({ socketPath: dockerHost.slice("unix://".length) });
    });

    afterAll(() => opened.disposeAsync());

    beforeEach(async () => {
      dataDir = join(folder, "data");
      await mkdir(dataDir);
      await writeFile(join(dataDir, "installation-id"), id);
      onTestFinished(async () => {
        for (const { Id } of await docker.listContainers({ all: true }))
          await docker.getContainer(Id).remove({ force: true });
        for (const { Name } of (await docker.listVolumes()).Volumes) await docker.getVolume(Name).remove();
        await docker.pruneNetworks();
        await rm(dataDir, { recursive: true, force: true });
      });
    });

    test("an engine that refuses removals receives removals again until resources in use, or in removal by another client, are gone", async () => {
      await docker.createNetwork({ Name: "ours-net", Labels: ours });
      await docker.createVolume({ Name: "ours-volume", Labels: ours });
      await run("ours", { Labels: ours });
      await run("on-our-network", { HostConfig: { NetworkMode: "ours-net" } });
      await run("on-our-volume", { HostConfig: { NetworkMode: "none", Binds: ["ours-volume:/mnt"] } });
      const refusals = [
        { status: 409, message: "removal of container ours is already in progress" },
        {
          status: 500,
          message: 'driver "overlay2" failed to remove root filesystem: device or resource busy',
        },
      ];
      const seen: string[] = [];
      // The other containers are removed after the engine has refused because of them.
      const blockers: Record<string, string> = {
        "403 networks": "on-our-network",
        "409 volumes": "on-our-volume",
      };
      const proxy = await proxied({
        refuse: (request) => (request.startsWith("DELETE /containers/") ? refusals.pop() : undefined),
        async onAnswer(request, status) {
          const refusal = `${status} ${request.split("/")[1]}`;
          if (!request.startsWith("DELETE ") || !(refusal in blockers)) return;
          seen.push(refusal);
          await docker.getContainer(blockers[refusal] ?? "").remove({ force: true });
        },
      });
      expect(await tearDown({ config: { dataDir, dockerHost: proxy }, deleteData: true, printLine })).toEqual(
        [],
      );
      expect(seen.toSorted()).toEqual(["403 networks", "409 volumes"]);
      expect(await names()).toEqual([]);
      expect(existsSync(dataDir)).toBe(false);
    });

    test("an engine that refuses removals does not stop the removal of other resources; what is left is reported, and removed by the next teardown", async () => {
      await docker.createNetwork({ Name: "ours-net", Labels: ours });
      await docker.createVolume({ Name: "ours-volume", Labels: ours });
      await docker.createVolume({ Name: "ours-unused", Labels: ours });
      const other = await run("other", {
        HostConfig: { NetworkMode: "ours-net", Binds: ["ours-volume:/mnt"] },
      });
      await run("ours", { Labels: ours });
      const service = await startService("registry");
      await recordEngines(dataDir, [{ dockerHost, cleared: false }]);
      const config = { dataDir, dockerHost };
      const left = await tearDown({ config, deleteData: true, retryLimitMs: 0, printLine });
      expect(left).toEqual([
        expect.stringMatching(`^${dockerHost}: network ours-net: .*has active endpoints`),
        expect.stringMatching(`^${dockerHost}: volume ours-volume: .*volume is in use`),
      ]);
      expect(await isAlive(service)).toBe(false);
      expect(await readServices(dataDir)).toEqual([]);
      expect(await names()).toEqual(["other", "ours-net", "ours-volume"]);
      expect(await readUsedEngines(dataDir)).toEqual([{ dockerHost, cleared: false }]);
      await other.remove({ force: true });
      expect(await tearDown({ config, deleteData: true, printLine })).toEqual([]);
      expect(await names()).toEqual([]);
      expect(existsSync(dataDir)).toBe(false);
    });

    test("an engine that refuses removals does not stop teardown when a list of resources fails, or services.json cannot be read", async () => {
      await docker.createVolume({ Name: "ours-volume", Labels: ours });
      const service = await startService("redis");
      await run("ours", { Labels: ours });
      const proxy = await proxied({
        refuse: (request) =>
          request === "GET /networks" ? { status: 500, message: "out of order" } : undefined,
      });
      const left = await tearDown({ config: { dataDir, dockerHost: proxy }, retryLimitMs: 0, printLine });
      expect(left).toEqual([`${proxy}: networks cannot be listed: out of order`]);
      expect(await isAlive(service)).toBe(false);
      expect(await names()).toEqual([]);
      await writeFile(join(dataDir, "services.json"), "{");
      await docker.createVolume({ Name: "ours-volume", Labels: ours });
      const config = { dataDir, dockerHost };
      expect(await tearDown({ config, deleteData: true, printLine })).toEqual([
        expect.stringMatching(/^the private services: .*JSON/),
      ]);
      expect(await names()).toEqual([]);
      expect(existsSync(dataDir)).toBe(true);
    });

    test("an engine that refuses removals keeps only the image that another installation's container uses", async () => {
      const container = await docker.createContainer({ Image: image, Cmd: ["true"] });
      const commit = async (options: { repo?: string }) => {
        const changes = `LABEL ${label.installation}=${id}`;
        return ((await container.commit({ ...options, changes })) as { Id: string }).Id;
      };
      const ids = async () => {
        const labeled = (await docker.listImages()).filter(
          ({ Labels }) => Labels?.[label.installation] === id,
        );
        return labeled.map(({ Id }) => Id);
      };
      // An image loses its name when a later image takes it.
      const all = [
        await commit({ repo: "ours-used" }),
        await commit({ repo: "ours-unused" }),
        await commit({}),
      ];
      const other = await run("other", { Image: "ours-used", Labels: { [label.installation]: "another" } });
      expect((await ids()).toSorted()).toEqual(all.toSorted());
      const config = { dataDir, dockerHost };
      expect(await tearDown({ config, deleteData: true, retryLimitMs: 0, printLine })).toEqual([
        expect.stringMatching(`^${dockerHost}: image ours-used:latest: .*is being used by running container`),
      ]);
      expect(await ids()).toEqual([all[0]]);
      await other.remove({ force: true });
      expect(await tearDown({ config, deleteData: true, printLine })).toEqual([]);
      expect(await ids()).toEqual([]);
    });
  },
);

async function proxied(options: EngineProxyOptions): Promise<string> {
  const proxy = await startEngineProxy(dockerHost, options);
  onTestFinished(() => proxy[Symbol.asyncDispose]());
  return proxy.dockerHost;
}

async function run(name: string, options: Docker.ContainerCreateOptions): Promise<Docker.Container> {
  const common = { name, Image: image, Cmd: ["sleep", "infinity"], HostConfig: { NetworkMode: "none" } };
  const container = await docker.createContainer({ ...common, ...options });
  await container.start();
  return container;
}

/** The names of all containers, networks and volumes except the networks that every engine has. */
async function names(): Promise<string[]> {
  const containers = await docker.listContainers({ all: true });
  const networks = await docker.listNetworks();
  const { Volumes: volumes } = await docker.listVolumes();
  return [
    ...containers.map(({ Names: [name = ""] }) => name.slice(1)),
    ...networks.map(({ Name }) => Name).filter((name) => !["bridge", "host", "none"].includes(name)),
    ...volumes.map(({ Name }) => Name),
  ].toSorted();
}

/** Starts a process and records it as a service. */
async function startService(name: string) {
  const child = spawn("sleep", ["infinity"]);
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child, "spawn");
  const identity = await processIdentity(child.pid ?? 0);
  if (!identity) throw new Error("the process is gone");
  await recordService(dataDir, { kind: "process", name, ...identity });
  return identity;
}
