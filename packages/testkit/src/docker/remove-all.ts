// Removes a test's containers, networks, volumes and snapshots from a Docker Engine that other processes use at the same time.

import { setTimeout as delay } from "node:timers/promises";
import { label } from "@slipway/core";
import { requestEngine } from "./engine-api.ts";

/** Lists resources to remove, as paths for DELETE requests to the engine's API. */
export type Listing = () => Promise<readonly string[]>;

const defaultTimeoutMs = 30_000;
const retryEveryMs = 250;

/**
 * Removes the listed resources, one listing after the other, since resources that a container uses cannot be removed before it. An
 * engine also refuses to remove what another process is removing, so everything is listed and removed again for at most `timeoutMs`.
 * @throws with a line for each refusal, after all other resources were removed.
 */
export async function removeAll(
  dockerHost: string,
  listings: readonly Listing[],
  timeoutMs = defaultTimeoutMs,
): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; ;) {
    const refusals: string[] = [];
    for (const listing of listings) refusals.push(...(await removeListed(dockerHost, listing)));
    if (refusals.length === 0) return;
    if (Date.now() >= deadline) throw new Error(`not everything could be removed:\n${refusals.join("\n")}`);
    await delay(retryEveryMs);
  }
}

/** Containers, networks, volumes and snapshots with the label of the installation. @throws as `removeAll` */
export async function removeInstallation(
  dockerHost: string,
  installationId: string,
  timeoutMs?: number,
): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ label: [`${label.installation}=${installationId}`] }));
  const listings = [
    () => containerPaths(dockerHost, filters),
    () => networkPaths(dockerHost, filters),
    () => volumePaths(dockerHost, filters),
    () => imagePaths(dockerHost, filters),
  ];
  await removeAll(dockerHost, listings, timeoutMs);
}

/** @param filters in the API's format, encoded for a URL. */
export async function containerPaths(dockerHost: string, filters = "{}"): Promise<string[]> {
  const path = `/containers/json?all=1&filters=${filters}`;
  const containers = (await requestEngine(dockerHost, "GET", path)) as { Id: string }[];
  return containers.map(({ Id }) => `/containers/${Id}?force=1&v=1`);
}

async function networkPaths(dockerHost: string, filters: string): Promise<string[]> {
  const networks = (await requestEngine(dockerHost, "GET", `/networks?filters=${filters}`)) as {
    Id: string;
  }[];
  return networks.map(({ Id }) => `/networks/${Id}`);
}

async function volumePaths(dockerHost: string, filters: string): Promise<string[]> {
  const { Volumes: volumes } = (await requestEngine(dockerHost, "GET", `/volumes?filters=${filters}`)) as {
    Volumes: { Name: string }[] | null;
  };
  return (volumes ?? []).map(({ Name }) => `/volumes/${Name}`);
}

async function imagePaths(dockerHost: string, filters: string): Promise<string[]> {
  const images = (await requestEngine(dockerHost, "GET", `/images/json?filters=${filters}`)) as {
    Id: string;
  }[];
  return images.map(({ Id }) => `/images/${Id}?force=1`);
}

/** @returns the reason of each failed removal. */
async function removeListed(dockerHost: string, listing: Listing): Promise<string[]> {
  try {
    const paths = await listing();
    const removals = paths.map((path) => requestEngine(dockerHost, "DELETE", path));
    const outcomes = await Promise.allSettled(removals);
    return outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [String(outcome.reason)] : []));
  } catch (error) {
    return [String(error)];
  }
}
