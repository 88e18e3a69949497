// Lists and removes the kinds of resources that Docker Engines and swarms have.

import { setTimeout as pause } from "node:timers/promises";
import { label } from "@slipway/core";
import { guardKind, removeGuard } from "@slipway/docker";
import type Docker from "dockerode";
import type { Kind } from "./engine-removal.ts";

type Labels = Readonly<Record<string, string>> | null | undefined;

/**
 * Whether a resource with these labels and this name is to be removed. For an image it is called with its labels and without a name, and
 * with each of its names without labels; `names` are then all its names.
 */
export type IsOurs = (labels: Labels, name: string, names?: readonly string[]) => boolean;

const pollMs = 250;

/** Services of the swarm that the engine manages. A service counts as removed once its tasks have ended, because they use networks. */
export function services(docker: Docker, isOurs: IsOurs): Kind {
  return {
    name: "services",
    async find(abortSignal) {
      const all = await listServices(docker, abortSignal);
      const ours = all.filter(({ Spec }) => isOurs(Spec?.Labels, Spec?.Name ?? ""));
      return ours.map((service) => ({
        name: `service ${service.Spec?.Name}`,
        remove: (signal) => removeService(docker, idOf(service), signal),
      }));
    },
  };
}

/** Egress guards of builds and releases, with the rules that they have set on the engine's host. */
export function guards(docker: Docker, isOurs: IsOurs): Kind {
  return {
    name: "guards",
    async find(abortSignal) {
      const all = await docker.listContainers({ all: true, abortSignal });
      const ours = all.filter((one) => isGuard(one) && isOurs(one.Labels, nameOf(one)));
      return ours.map(({ Id, Names }) => ({
        name: `guard ${nameOf({ Id, Names })}`,
        remove: () => removeGuard(docker, Id),
      }));
    },
  };
}

/** Containers in any state, with their anonymous volumes; excludes guards. */
export function containers(docker: Docker, isOurs: IsOurs): Kind {
  return {
    name: "containers",
    async find(abortSignal) {
      const all = await docker.listContainers({ all: true, abortSignal });
      const ours = all.filter((one) => !isGuard(one) && isOurs(one.Labels, nameOf(one)));
      return ours.map(({ Id, Names }) => ({
        name: `container ${nameOf({ Id, Names })}`,
        remove: (signal) => docker.getContainer(Id).remove({ force: true, v: true, abortSignal: signal }),
      }));
    },
  };
}

/** The installation's networks. */
export function networks(docker: Docker, isOurs: IsOurs): Kind {
  return {
    name: "networks",
    async find(abortSignal) {
      const all = await docker.listNetworks({ abortSignal });
      const ours = all.filter(({ Labels, Name }) => isOurs(Labels, Name));
      return ours.map(({ Id, Name }) => ({
        name: `network ${Name}`,
        remove: (signal) => docker.getNetwork(Id).remove({ abortSignal: signal }),
      }));
    },
  };
}

/** The installation's volumes. */
export function volumes(docker: Docker, isOurs: IsOurs): Kind {
  return {
    name: "volumes",
    async find(abortSignal) {
      const { Volumes: all } = await docker.listVolumes({ abortSignal });
      const ours = (all ?? []).filter(({ Labels, Name }) => isOurs(Labels, Name));
      return ours.map(({ Name }) => ({
        name: `volume ${Name}`,
        remove: (signal) => docker.getVolume(Name).remove({ abortSignal: signal }),
      }));
    },
  };
}

/** Images. An image with the installation's labels is removed with all its names; of any other image, only the installation's names are. */
export function images(docker: Docker, isOurs: IsOurs): Kind {
  return {
    name: "images",
    async find(abortSignal) {
      const all = await docker.listImages({ abortSignal });
      const ours = all.flatMap(({ RepoTags, RepoDigests, Labels, Id }) => {
        const [tags, digests] = [realNames(RepoTags), realNames(RepoDigests)];
        if (isOurs(Labels, "")) return [{ reference: Id, name: tags.join(", ") || Id }];
        const allNames = [...tags, ...digests];
        const names = allNames.filter((name) => isOurs(null, name, allNames));
        return names.map((name) => ({ reference: name, name }));
      });
      return ours.map(({ reference, name }) => ({
        name: `image ${name}`,
        remove: (signal) => docker.getImage(reference).remove({ force: true, abortSignal: signal }),
      }));
    },
  };
}

function isGuard({ Labels }: Pick<Docker.ContainerInfo, "Labels">): boolean {
  return Labels[label.kind] === guardKind;
}

async function listServices(docker: Docker, abortSignal: AbortSignal): Promise<Docker.Service[]> {
  // dockerode's types lack the signal.
  const options = { filters: {}, abortSignal };
  try {
    return await docker.listServices(options);
  } catch (error) {
    if (error instanceof Error && error.message.includes("not a swarm manager")) return [];
    throw error;
  }
}

async function removeService(docker: Docker, id: string, abortSignal: AbortSignal): Promise<void> {
  const tasks = (await docker.listTasks({ filters: { service: [id] }, abortSignal })).map(idOf);
  await docker.getService(id).remove({ abortSignal });
  while (tasks.length > 0) {
    if ((await docker.listTasks({ filters: { id: tasks }, abortSignal })).length === 0) return;
    await pause(pollMs, undefined, { signal: abortSignal });
  }
}

/** The engine prefixes container names with a slash. */
function nameOf({ Id, Names: [name] }: Pick<Docker.ContainerInfo, "Id" | "Names">): string {
  return name?.slice(1) ?? Id;
}

/** Dockerode's types lack `ID`, which the engine's responses contain. */
function idOf(found: unknown): string {
  return (found as { ID: string }).ID;
}

/** Omits `<none>:<none>`, which the engine lists for an image without a name. */
function realNames(names: readonly string[] | null | undefined): string[] {
  return (names ?? []).filter((name) => !name.startsWith("<none>"));
}
