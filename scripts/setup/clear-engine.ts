// Removes from an engine, and from the swarm it manages, all that carries an installation's label.
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type Docker from "dockerode";
import { installationLabel } from "./installation.ts";
import { rememberedPort } from "./private-server.ts";
import { keptVolumeLabel } from "./service-container.ts";

/** Longer than apps have between SIGTERM and SIGKILL by default. */
const tasksEndMs = 60_000;
const lookEveryMs = 250;

/**
 * Removes the installation's services, containers, networks and volumes; with `deleteData` what was kept for a next start too.
 * Says what it was.
 */
export async function clearEngine(
  docker: Docker,
  { id, dataDir, deleteData }: { id: string; dataDir: string; deleteData: boolean },
  tell: (text: string) => void,
): Promise<void> {
  const labels = [`${installationLabel}=${id}`];
  const volumeLabels = deleteData ? [...labels, `${keptVolumeLabel}=${id}`] : labels;
  const removed = {
    services: await removeServices(docker, labels),
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
  tell(text ? `removed ${text}` : "nothing of ours on it");
}

/** Those of a swarm that the engine is a manager of; their containers go with them, and hold their networks until then. */
async function removeServices(docker: Docker, labels: string[]): Promise<number> {
  const { Swarm } = (await docker.info()) as { Swarm?: { ControlAvailable?: boolean } };
  if (Swarm?.ControlAvailable !== true) return 0;
  const services = idsOf(await docker.listServices({ filters: { label: labels } }));
  if (services.length === 0) return 0;
  const tasks = idsOf(await docker.listTasks({ filters: { service: services } }));
  await Promise.all(services.map((id) => ignoreGone(docker.getService(id).remove())));
  const deadline = Date.now() + tasksEndMs;
  while (tasks.length > 0 && (await docker.listTasks({ filters: { id: tasks } })).length > 0) {
    if (Date.now() > deadline) break;
    await pause(lookEveryMs);
  }
  return services.length;
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

/** The client's types have them in lower case, its answers do not. */
function idsOf(found: readonly unknown[]): string[] {
  return found.map((one) => (one as { ID: string }).ID);
}

/** Somebody else may remove a thing between the list and the removal. */
async function ignoreGone(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  }
}
