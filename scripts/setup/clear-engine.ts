// Removes from an engine, and from the swarm it manages, all that carries an installation's label, and what tests left.
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type Docker from "dockerode";
import { installationLabel } from "./installation.ts";
import { rememberedPort } from "./private-server.ts";
import { keptVolumeLabel } from "./service-container.ts";

/** What goes: an installation's, and that of all whose ids tests of this clone began with `testsOf`. */
export interface ClearedThings {
  id: string | undefined;
  testsOf?: string | undefined;
  dataDir: string;
  deleteData: boolean;
}

type Labels = Readonly<Record<string, string>> | null | undefined;

/** Docker compose labels what it makes with the project's name, which tests give an installation's id. */
const projectLabel = "com.docker.compose.project";
/** Longer than apps have between SIGTERM and SIGKILL by default. */
const tasksEndMs = 60_000;
const lookEveryMs = 250;

/**
 * Removes the installation's services, containers, networks and volumes; with `deleteData` what was kept for a next start too.
 * Says what it was.
 */
export async function clearEngine(
  docker: Docker,
  things: ClearedThings,
  tell: (text: string) => void,
): Promise<void> {
  const isOurs = (labels: Labels) => belongs(labels, things);
  const removed = {
    services: await removeServices(docker, isOurs),
    containers: await removeContainers(docker, isOurs),
    networks: await removeNetworks(docker, isOurs),
    volumes: await removeVolumes(docker, (labels) => isOurs(labels) || isKept(labels, things)),
    images: things.deleteData ? await removeImages(docker, things.dataDir, isOurs) : 0,
  };
  const counts = Object.entries(removed).filter(([, count]) => count > 0);
  const text = counts.map(([what, count]) => `${count} ${what}`).join(", ");
  tell(text ? `removed ${text}` : "nothing of ours on it");
}

function belongs(labels: Labels, { id, testsOf }: ClearedThings): boolean {
  const owners = [labels?.[installationLabel], labels?.[projectLabel]].filter((one) => one !== undefined);
  return owners.some(
    (owner) =>
      owner === id || (testsOf !== undefined && (owner === testsOf || owner.startsWith(`${testsOf}-`))),
  );
}

function isKept(labels: Labels, { id, deleteData }: ClearedThings): boolean {
  return deleteData && id !== undefined && labels?.[keptVolumeLabel] === id;
}

/** Those of a swarm that the engine is a manager of; their containers go with them, and hold their networks until then. */
async function removeServices(docker: Docker, isOurs: (labels: Labels) => boolean): Promise<number> {
  const { Swarm } = (await docker.info()) as { Swarm?: { ControlAvailable?: boolean } };
  if (Swarm?.ControlAvailable !== true) return 0;
  const all = await docker.listServices();
  const services = idsOf(all.filter(({ Spec }) => isOurs(Spec?.Labels)));
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

async function removeContainers(docker: Docker, isOurs: (labels: Labels) => boolean): Promise<number> {
  const found = (await docker.listContainers({ all: true })).filter(({ Labels }) => isOurs(Labels));
  await Promise.all(
    found.map(({ Id }) => ignoreGone(docker.getContainer(Id).remove({ force: true, v: true }))),
  );
  return found.length;
}

async function removeNetworks(docker: Docker, isOurs: (labels: Labels) => boolean): Promise<number> {
  const found = (await docker.listNetworks()).filter(({ Labels }) => isOurs(Labels));
  await Promise.all(found.map(({ Id }) => ignoreGone(docker.getNetwork(Id).remove())));
  return found.length;
}

async function removeVolumes(docker: Docker, isOurs: (labels: Labels) => boolean): Promise<number> {
  const { Volumes: all } = await docker.listVolumes();
  const found = (all ?? []).filter(({ Labels }) => isOurs(Labels));
  await Promise.all(found.map(({ Name }) => ignoreGone(docker.getVolume(Name).remove())));
  return found.length;
}

/** An image stays under other names it has; only those of this installation's own registry go, and those tests labelled. */
async function removeImages(
  docker: Docker,
  dataDir: string,
  isOurs: (labels: Labels) => boolean,
): Promise<number> {
  const port = await rememberedPort(join(dataDir, "registry"));
  const inRegistry = (name: string) => port !== undefined && name.startsWith(`127.0.0.1:${port}/`);
  const own = (await docker.listImages()).flatMap(({ RepoTags: tags, RepoDigests: digests, Labels, Id }) => {
    const names = [...(tags ?? []), ...(digests ?? [])];
    if (!isOurs(Labels)) return names.filter(inRegistry);
    return tags?.length ? tags : [Id];
  });
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
