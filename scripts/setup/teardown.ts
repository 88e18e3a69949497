// Taking down: everything that set-up and the apps of one installation made, and nothing else.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { readConfig } from "../config.ts";
import { isAlive } from "../lock.mjs";
import type { Engine } from "./engine-connection.ts";
import { probeEngine } from "./engine-connection.ts";
import { releaseEngine } from "./engine.ts";
import { installationId, installationLabel } from "./installation.ts";
import { rememberedPort } from "./private-server.ts";
import type { Say } from "./progress.ts";
import { step } from "./progress.ts";
import { keptVolumeLabel } from "./service-container.ts";
import type { Service } from "./services.ts";
import { forgetServices, readServices, stopProcess } from "./services.ts";

export interface TeardownOptions {
  /** Absolute. */
  dataDir: string;
  /** Deletes the data directory, the data volumes and the images of the private registry too. */
  deleteData?: boolean;
  say: Say;
}

const serviceGraceMs = 15_000;

/** Takes an installation down whose apps have ended; says what it did. Safe to call again, and where nothing is. */
export async function tearDown({ dataDir, deleteData = false, say }: TeardownOptions): Promise<void> {
  const id = await installationId(dataDir);
  if (id === undefined) return step(say, "data").tell(`nothing is set up in ${dataDir}`);
  const answer = await probeEngine(readConfig().dockerHost);
  const engine = "docker" in answer ? answer : undefined;
  if (engine) await clearEngine(engine.docker, { id, dataDir, deleteData }, say);
  else step(say, "engine").tell("none answers: nothing to remove there");
  await stopServices(dataDir, say);
  if (engine) await releaseEngine(id, engine satisfies Engine, say);
  if (deleteData) await rm(dataDir, { recursive: true, force: true });
  step(say, "data").tell(
    deleteData ? `${dataDir} deleted` : `${dataDir} kept (npm run down -- --data deletes it)`,
  );
}

/** Removes the installation's containers, networks and volumes; with `deleteData` what was kept for a next start too. */
async function clearEngine(
  docker: Docker,
  { id, dataDir, deleteData }: { id: string; dataDir: string; deleteData: boolean },
  say: Say,
): Promise<void> {
  const labels = [`${installationLabel}=${id}`];
  const volumeLabels = deleteData ? [...labels, `${keptVolumeLabel}=${id}`] : labels;
  const removed = {
    containers: await removeContainers(docker, labels),
    networks: await removeNetworks(docker, labels),
    volumes: (await Promise.all(volumeLabels.map((label) => removeVolumes(docker, label)))).reduce(
      (sum, one) => sum + one,
      0,
    ),
    images: deleteData ? await removeImages(docker, await rememberedPort(join(dataDir, "registry"))) : 0,
  };
  const counts = Object.entries(removed).filter(([, count]) => count > 0);
  const text = counts.map(([what, count]) => `${count} ${what}`).join(", ");
  step(say, "engine").tell(text ? `removed ${text}` : "nothing of ours on it");
}

async function removeContainers(docker: Docker, labels: string[]): Promise<number> {
  const found = await docker.listContainers({ all: true, filters: { label: labels } });
  await Promise.all(
    found.map(({ Id }) => ignoreGone(docker.getContainer(Id).remove({ force: true, v: true }))),
  );
  return found.length;
}

async function removeNetworks(docker: Docker, labels: string[]): Promise<number> {
  const found = await docker.listNetworks({ filters: { label: labels } });
  await Promise.all(found.map(({ Id }) => ignoreGone(docker.getNetwork(Id).remove())));
  return found.length;
}

async function removeVolumes(docker: Docker, label: string): Promise<number> {
  const { Volumes: found } = await docker.listVolumes({ filters: { label: [label] } });
  await Promise.all((found ?? []).map(({ Name }) => ignoreGone(docker.getVolume(Name).remove())));
  return (found ?? []).length;
}

/** An image stays under other names it has; only those of this installation's own registry go. */
async function removeImages(docker: Docker, port: number | undefined): Promise<number> {
  if (port === undefined) return 0;
  const images = await docker.listImages();
  const names = images.flatMap(({ RepoTags: tags, RepoDigests: digests }) =>
    (tags ?? []).concat(digests ?? []),
  );
  const own = names.filter((name) => name.startsWith(`127.0.0.1:${port}/`));
  for (const name of own) await ignoreGone(docker.getImage(name).remove({ force: true }));
  return own.length;
}

async function stopServices(dataDir: string, say: Say): Promise<void> {
  const services = await readServices(dataDir);
  await Promise.all(services.map((service) => stopService(service, say)));
  await forgetServices(
    dataDir,
    services.map((service) => service.name),
  );
}

/** A service's container carries the installation's label and went with the others. */
async function stopService(service: Service, say: Say): Promise<void> {
  if (service.kind !== "process" || !(await isAlive(service))) return;
  await stopProcess(service, serviceGraceMs);
  step(say, service.name).tell(`stopped (process ${service.pid})`);
}

/** Somebody else may remove a thing between the list and the removal. */
async function ignoreGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  }
}
