// Removes an installation's labeled resources, and those of its tests, from an engine and from the swarm it manages.

import { join } from "node:path";
import type Docker from "dockerode";
import { label, snapshotKind } from "@slipway/core";
import { isPulledName, pulledTagRepository } from "@slipway/docker";
import { rememberedPort } from "../services/private-server.ts";
import { removeAll } from "./engine-removal.ts";
import type { Kind, RemovalOptions } from "./engine-removal.ts";
import { containers, guards, images, networks, services, volumes } from "./engine-resources.ts";
import type { IsOurs } from "./engine-resources.ts";

/** Selects the resources to remove: those of the installation `id`, and those of installations whose id starts with `testsOf`. */
export interface ResourceSelection extends RemovalOptions {
  id: string | undefined;
  testsOf?: string | undefined;
  dataDir: string;
  /** Whether to remove the data that the installation stores on the engine. */
  deleteData: boolean;
  /** Whether to remove the images created by deployments. Images of stacks and toolchains are kept for the next run. */
  removeAppImages?: boolean;
}

/** Label that Docker Compose sets to the project's name. The tests name a project after its installation's id. */
const projectLabel = "com.docker.compose.project";

/**
 * Removes the installation's services, containers, networks and volumes; with `deleteData` also its data volumes and images, with
 * `removeAppImages` only its apps' images. Reports the counts. @returns a line for each remaining resource, with the reason.
 */
export async function clearEngine(
  docker: Docker,
  selection: ResourceSelection,
  report: (text: string) => void,
): Promise<string[]> {
  const isOurs: IsOurs = (labels) => belongs(labels, selection);
  // Services come first, with their own time limit, because their tasks may take long to end.
  const first = await removeAll([services(docker, isOurs)], selection);
  const second = await removeAll(
    [
      containers(docker, isOurs),
      guards(docker, isOurs),
      networks(docker, isOurs),
      volumes(docker, (labels, name) => isOurs(labels, name) || isKept(labels, selection)),
      ...(await imagesToRemove(docker, selection, isOurs)),
    ],
    selection,
  );
  const counts = [...first.counts, ...second.counts].filter(([, count]) => count > 0);
  const left = [...first.left, ...second.left];
  if (counts.length > 0) report(`removed ${counts.map(([kind, count]) => `${count} ${kind}`).join(", ")}`);
  else if (left.length === 0) report("nothing to remove");
  for (const line of left) report(`not removed: ${line}`);
  return left;
}

function belongs(labels: Parameters<IsOurs>[0], { id, testsOf }: ResourceSelection): boolean {
  const owners = [labels?.[label.installation], labels?.[projectLabel]].filter((one) => one !== undefined);
  return owners.some(
    (owner) =>
      owner === id || (testsOf !== undefined && (owner === testsOf || owner.startsWith(`${testsOf}-`))),
  );
}

function isKept(labels: Parameters<IsOurs>[0], { id, deleteData }: ResourceSelection): boolean {
  return deleteData && id !== undefined && labels?.[label.keptBy] === id;
}

/** The images of this installation and of its tests, or only those of apps; nothing if images stay. */
async function imagesToRemove(docker: Docker, selection: ResourceSelection, isOurs: IsOurs): Promise<Kind[]> {
  const { id, dataDir, deleteData, removeAppImages = false } = selection;
  if (!deleteData && !removeAppImages) return [];
  const port = await rememberedPort(join(dataDir, "registry"));
  const prefix = `127.0.0.1:${port}/${deleteData ? "" : "apps/"}`;
  const isLabeled: IsOurs = (labels, name) =>
    isOurs(labels, name) && (deleteData || labels?.[label.kind] === snapshotKind);
  const isPulled = (name: string, names: readonly string[]) =>
    id !== undefined && isPulledName(pulledTagRepository(id), name, names);
  const isInRegistry = (name: string) => port !== undefined && name.startsWith(prefix);
  return [
    images(
      docker,
      (labels, name, names = []) => isLabeled(labels, name) || isInRegistry(name) || isPulled(name, names),
    ),
  ];
}
