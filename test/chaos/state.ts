// Reports the state of a Slipway whose scenario failed: its workers, store, queue, engines and the processes' logs. Each part is read
// separately, since the fault may affect any of them.

import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { RunnerTask } from "vitest";
import { withDeadline } from "@slipway/async";
import { label } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import { openLanes } from "@slipway/queue";
import type { Lanes } from "@slipway/queue";
import type { SlipwayUnderTest } from "./slipway.ts";

/** A part that takes longer is reported as unavailable. */
const partLimitMs = 5_000;
const logLines = 10;
/** Maximum length of a log line. */
const logChars = 300;
const jobStates = ["active", "waiting", "prioritized", "delayed", "failed"] as const;

/** Called in `afterEach`. @throws an error with the state if the test failed. vitest prints it beside the test's error. */
export async function reportStateOfFailed(task: RunnerTask, slipway: SlipwayUnderTest): Promise<void> {
  if (task.result?.state === "fail") throw new Error(`it failed in this state:\n${await stateOf(slipway)}`);
}

/** The state as text, with a heading before each part. Never rejects. */
async function stateOf(slipway: SlipwayUnderTest): Promise<string> {
  const parts: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["workers, as operators see them", () => slipway.listWorkers()],
    ["deployments", () => deploymentsOf(slipway)],
    ["jobs", () => jobsOf(slipway)],
    ["containers", () => containersOf(slipway)],
    ["logs", () => logsOf(slipway.logFolder)],
  ];
  const texts = parts.map(async ([heading, read]) => `== ${heading}\n${await textOf(read)}`);
  return (await Promise.all(texts)).join("\n");
}

async function textOf(read: () => Promise<unknown>): Promise<string> {
  try {
    const answer = await withDeadline(read, { limitMs: partLimitMs });
    return typeof answer === "string" ? answer : JSON.stringify(answer);
  } catch (error) {
    return `unavailable: ${String(error)}`;
  }
}

async function deploymentsOf({ appIds, store }: SlipwayUnderTest): Promise<unknown> {
  const firstPage = { page: 1, perPage: 10 };
  const pages = await Promise.all(appIds.map((appId) => store.deployments.list(appId, firstPage)));
  return pages
    .flatMap(({ deployments }) => deployments)
    .map(({ id, attempt, history }) => ({
      id,
      attempt,
      history: history.map(({ status, at }) => `${at.toISOString()} ${status}`),
    }));
}

async function jobsOf({ redis, installationId, store }: SlipwayUnderTest): Promise<unknown> {
  await using lanes = openLanes({
    ...store,
    redisUrl: redis.url,
    keys: redisKeys(installationId),
    // A failing call already reports the connection's error.
    onError: () => undefined,
  });
  const found = lanes.queues.flatMap((queue) => jobStates.map((state) => jobsIn(queue, state)));
  return (await Promise.all(found)).flat();
}

async function jobsIn(queue: Lanes["queues"][number], state: (typeof jobStates)[number]): Promise<unknown[]> {
  const jobs = await queue.getJobs([state]);
  return jobs.map(({ id, name, attemptsMade, attemptsStarted, stalledCounter, failedReason }) => ({
    queue: queue.name,
    state,
    id,
    name,
    attemptsMade,
    attemptsStarted,
    stalledCounter,
    failedReason,
  }));
}

async function containersOf({ engines, installationId }: SlipwayUnderTest): Promise<unknown> {
  const filters = { label: [`${label.installation}=${installationId}`] };
  const found = await Promise.all(engines.map((docker) => docker.listContainers({ all: true, filters })));
  return found.flat().map(({ Names, State, Status, Labels }) => ({
    name: Names[0],
    state: State,
    status: Status,
    kind: Labels[label.kind],
    deployment: Labels[label.deployment],
    attempt: Labels[label.attempt],
  }));
}

async function logsOf(folder: string): Promise<string> {
  const files = (await readdir(folder)).toSorted();
  const ends = files.map(async (file) => {
    const lines = (await readFile(join(folder, file), "utf8")).trimEnd().split("\n");
    const last = lines.slice(-logLines).map((line) => line.slice(0, logChars));
    return `-- ${file}\n${last.join("\n")}`;
  });
  return (await Promise.all(ends)).join("\n");
}
