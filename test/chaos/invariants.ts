// The five invariants of ARCHITECTURE.md, checked in the store, the logs, the followers and the engines.

import { createHash } from "node:crypto";
import type Docker from "dockerode";
import { isFinal, label } from "@slipway/core";
import type { App, Deployment, LogChunk, Store } from "@slipway/core";
import { appParts } from "@slipway/store";
import type { ContainerLifetime } from "./container-watch.ts";
import { linesOf, statusesOf } from "./follower.ts";
import type { Connection, Follower } from "./follower.ts";

/** The data of a scenario to check, once its deployments are final. */
export interface Evidence {
  readonly store: Store;
  readonly installationId: string;
  /** The apps to check. Objects of deleted apps count as left behind. */
  readonly appIds: readonly string[];
  /** Ids of the deployments that were accepted, so that a lost one is noticed. */
  readonly accepted: readonly string[];
  readonly followers: readonly Pick<Follower, "appId" | "connections">[];
  /** Every engine that may have objects of the installation. */
  readonly engines: readonly Docker[];
  readonly containers: readonly ContainerLifetime[];
  /** Whether workers' clocks were wrong. In this case stored times do not show the order; only the engines' events do. */
  readonly clocksDiffered?: boolean;
}

const everything = 1_000_000;

/** @returns a sentence for each violation. */
export async function violations(evidence: Evidence): Promise<string[]> {
  const found: string[] = [];
  const seen = new Set<string>();
  for (const appId of evidence.appIds) {
    const deployments = await everyDeployment(evidence.store, appId);
    if (evidence.clocksDiffered !== true) found.push(...laneViolations(deployments));
    found.push(...deployments.flatMap(endViolations));
    for (const deployment of deployments) {
      seen.add(deployment.id);
      found.push(...(await logViolations(evidence, deployment)));
    }
  }
  const lost = evidence.accepted.filter((id) => !seen.has(id));
  return [
    ...found,
    ...lost.map((id) => `the accepted deployment ${id} is gone`),
    ...overlapping(evidence.containers),
    ...(await leftovers(evidence)),
  ];
}

/** Whether one of the apps still has a container of a former rollout: former rollouts stop later. */
export async function hasFormer(
  evidence: Pick<Evidence, "store" | "installationId" | "appIds" | "engines">,
): Promise<boolean> {
  const { store, appIds } = evidence;
  for (const { Labels } of await containersOf(evidence)) {
    const { [label.app]: appId = "", [label.rollout]: rolloutId, [label.deployment]: deploymentId } = Labels;
    if (!appIds.includes(appId) || rolloutId === undefined) continue;
    if ((await store.apps.get(appId))?.currentRolloutId === rolloutId) continue;
    const operation = await store.operations.get(rolloutId);
    const deployment = deploymentId === undefined ? null : await store.deployments.get(deploymentId);
    if (operation?.status === "done" || deployment?.status === "success") return true;
  }
  return false;
}

/** Invariants 1 and 2: an app's deployments ran one after the other, in the order of their numbers. */
function laneViolations(deployments: readonly Deployment[]): string[] {
  const ran = deployments
    .filter(({ startedAt }) => startedAt !== null)
    .toSorted((a, b) => a.number - b.number);
  return ran.flatMap((deployment, at) => {
    const before = ran[at - 1];
    if (before === undefined || timeOf(before.finishedAt) <= timeOf(deployment.startedAt)) return [];
    return [`${nameOf(deployment)} began before number ${before.number} had ended`];
  });
}

/** Invariant 3: one final status, the last of its history, and attempt numbers that only increase. */
function endViolations(deployment: Deployment): string[] {
  const { history, status, finishedAt } = deployment;
  const finals = history.filter((change) => isFinal(change.status));
  const found: string[] = [];
  if (finals.length !== 1 || history.at(-1)?.status !== status || finishedAt === null)
    found.push(`${nameOf(deployment)} went through ${history.map((change) => change.status).join(", ")}`);
  if (history.some(({ attempt }, at) => attempt < (history[at - 1]?.attempt ?? 0)))
    found.push(`an older attempt changed ${nameOf(deployment)} after a newer one`);
  return found;
}

/**
 * Invariant 4: the log has lines 1 to n, each once, and every connection of a follower received them in order, with the statuses between
 * them.
 */
async function logViolations({ store, followers }: Evidence, deployment: Deployment): Promise<string[]> {
  const chunks = await store.logs.read(deployment.id, 1, everything);
  const lines = chunks.flatMap(({ text }) => text.split("\n"));
  const found = recordViolations(deployment, chunks, lines);
  for (const { appId, connections } of followers) {
    if (appId !== deployment.appId) continue;
    connections.forEach((frames, at) => {
      const what = followerViolation(deployment, lines, frames);
      if (what !== null) found.push(`connection ${at + 1} of a follower of ${nameOf(deployment)} ${what}`);
    });
    const complete = connections.some((frames) => receivedEnd(frames, deployment));
    if (!complete) found.push(`a follower of ${nameOf(deployment)} never received its final status`);
  }
  return found;
}

function recordViolations(
  deployment: Deployment,
  chunks: readonly LogChunk[],
  lines: readonly string[],
): string[] {
  let next = 1;
  for (const { firstSeq, lineCount, text } of chunks) {
    if (firstSeq !== next || text.split("\n").length !== lineCount)
      return [`the log of ${nameOf(deployment)} does not go on at line ${next}`];
    next += lineCount;
  }
  const sha256 = createHash("sha256");
  for (const line of lines) sha256.update(`${line}\n`);
  if (deployment.logLineCount === lines.length && deployment.logSha256 === sha256.digest("hex")) return [];
  return [`the log of ${nameOf(deployment)} is not the one that was closed`];
}

/** A terminated connection received the beginning of the log; a connection that received the final status received the whole log. */
function followerViolation(
  deployment: Deployment,
  lines: readonly string[],
  frames: Connection,
): string | null {
  const sent = linesOf(frames, deployment.id);
  const wrong = sent.findIndex((line, at) => line !== lines[at]);
  if (wrong !== -1) return `received "${sent[wrong]}" as line ${wrong + 1}`;
  const statuses = statusesOf(frames, deployment.id);
  const history = deployment.history.map(({ status }) => status);
  if (statuses.some((status, at) => status !== history[at]))
    return `received the statuses ${statuses.join(", ")}, not ${history.join(", ")}`;
  if (!receivedEnd(frames, deployment)) return null;
  if (sent.length !== lines.length) return `received ${sent.length} of ${lines.length} lines`;
  return statuses.length === history.length ? null : `received the statuses ${statuses.join(", ")} only`;
}

function receivedEnd(frames: Connection, { id, status }: Deployment): boolean {
  return statusesOf(frames, id).at(-1) === status;
}

/** Invariant 1, according to the engines' events: no two builds of an app at the same time, in any attempts. */
function overlapping(containers: readonly ContainerLifetime[]): string[] {
  const builds = containers
    .filter(({ kind }) => kind === "build")
    .toSorted((a, b) => a.startedAtNs - b.startedAtNs);
  return builds.flatMap((build, at) =>
    builds
      .slice(0, at)
      .filter(
        ({ appId, endedAtNs }) =>
          appId === build.appId && (endedAtNs === null || endedAtNs > build.startedAtNs),
      )
      .map(
        (other) =>
          `attempt ${build.attempt} at ${build.deploymentId} built while attempt ${other.attempt} at ${other.deploymentId} did`,
      ),
  );
}

/** Invariant 5: the engines contain only each app's current rollout, with as many instances as the app is scaled to. */
async function leftovers(evidence: Evidence): Promise<string[]> {
  const { store, appIds } = evidence;
  const apps = (await Promise.all(appIds.map((id) => store.apps.get(id)))).filter((app) => app !== null);
  const found = await containersOf(evidence);
  const others = new Set<string>();
  for await (const part of appParts(store, "all")) for (const { id } of part) others.add(id);
  for (const id of appIds) others.delete(id);
  const containers = found.filter(({ Labels }) => !others.has(Labels[label.app] ?? ""));
  const serving = (app: App) =>
    containers.filter(
      ({ Labels, State }) => Labels[label.rollout] === app.currentRolloutId && State === "running",
    );
  const expected = new Set(apps.flatMap((app) => (app.currentRolloutId === null ? [] : serving(app))));
  return [
    ...containers.filter((one) => !expected.has(one)).map(({ Names }) => `${Names.join()} was left behind`),
    ...apps
      .filter((app) => app.currentRolloutId !== null && serving(app).length !== app.webCount)
      .map((app) => `${app.name} runs ${serving(app).length} times`),
  ];
}

/** Kinds of containers that belong to no app: with them, workers guard and probe the egress, probe the disk limits, and count files. */
const ofWorkers = new Set(["guard", "probe", "disk-quota", "file-count"]);

async function containersOf({ installationId, engines }: Pick<Evidence, "installationId" | "engines">) {
  const filters = { label: [`${label.installation}=${installationId}`] };
  const found = engines.map((docker) => docker.listContainers({ all: true, filters }));
  const containers = (await Promise.all(found)).flat();
  return containers.filter(({ Labels }) => !ofWorkers.has(Labels[label.kind] ?? ""));
}

async function everyDeployment(store: Store, appId: string): Promise<Deployment[]> {
  return (await store.deployments.list(appId, { page: 1, perPage: 1_000 })).deployments;
}

function nameOf({ number, appId }: Deployment): string {
  return `deployment ${number} of ${appId}`;
}

function timeOf(date: Date | null): number {
  return date?.getTime() ?? Number.POSITIVE_INFINITY;
}
