// Removes from an engine, and from the swarm it manages, all that carries an installation's label, and what tests left.
import { join } from "node:path";
import type Docker from "dockerode";
import type { RemovalOptions } from "./engine-removal.ts";
import { removeAll } from "./engine-removal.ts";
import type { IsOurs } from "./engine-things.ts";
import { containers, images, networks, services, volumes } from "./engine-things.ts";
import { installationLabel } from "./installation.ts";
import { rememberedPort } from "./private-server.ts";
import { keptVolumeLabel } from "./service-container.ts";

/** What goes: an installation's, and that of all whose ids tests of this clone began with `testsOf`. */
export interface ClearedThings extends RemovalOptions {
  id: string | undefined;
  testsOf?: string | undefined;
  dataDir: string;
  deleteData: boolean;
}

/** Docker compose labels what it makes with the project's name, which tests give an installation's id. */
const projectLabel = "com.docker.compose.project";

/**
 * Removes the installation's services, containers, networks and volumes; with `deleteData` what was kept for a next start too.
 * Says what it was. @returns a line for each thing that is left, with the reason.
 */
export async function clearEngine(
  docker: Docker,
  things: ClearedThings,
  tell: (text: string) => void,
): Promise<string[]> {
  const isOurs: IsOurs = (labels) => belongs(labels, things);
  // first and by themselves: their tasks may take as long to end as everything else to be removed
  const first = await removeAll([services(docker, isOurs)], things);
  const second = await removeAll(
    [
      containers(docker, isOurs),
      networks(docker, isOurs),
      volumes(docker, (labels, name) => isOurs(labels, name) || isKept(labels, things)),
      ...(things.deleteData ? [images(docker, await ownImages(things, isOurs))] : []),
    ],
    things,
  );
  const counts = [...first.counts, ...second.counts].filter(([, count]) => count > 0);
  const left = [...first.left, ...second.left];
  if (counts.length > 0) tell(`removed ${counts.map(([kind, count]) => `${count} ${kind}`).join(", ")}`);
  else if (left.length === 0) tell("nothing of ours on it");
  for (const line of left) tell(`left, ${line}`);
  return left;
}

function belongs(labels: Parameters<IsOurs>[0], { id, testsOf }: ClearedThings): boolean {
  const owners = [labels?.[installationLabel], labels?.[projectLabel]].filter((one) => one !== undefined);
  return owners.some(
    (owner) =>
      owner === id || (testsOf !== undefined && (owner === testsOf || owner.startsWith(`${testsOf}-`))),
  );
}

function isKept(labels: Parameters<IsOurs>[0], { id, deleteData }: ClearedThings): boolean {
  return deleteData && id !== undefined && labels?.[keptVolumeLabel] === id;
}

/** Those of this installation's own registry, and those tests labelled. */
async function ownImages({ dataDir }: ClearedThings, isOurs: IsOurs): Promise<IsOurs> {
  const port = await rememberedPort(join(dataDir, "registry"));
  return (labels, name) =>
    isOurs(labels, name) || (port !== undefined && name.startsWith(`127.0.0.1:${port}/`));
}
