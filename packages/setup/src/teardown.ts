// Removes everything that setup and the apps of one installation created, and nothing else.

import { rm } from "node:fs/promises";
import { isAlive } from "../bootstrap/lock.mjs";
import { attempt } from "./attempt.ts";
import type { SetupConfig } from "./config.ts";
import { clearEngine } from "./engine/clear-engine.ts";
import { defaultSocket, isDefaultEngine, probeEngine } from "./engine/engine-connection.ts";
import type { Engine } from "./engine/engine-connection.ts";
import type { RemovalOptions } from "./engine/engine-removal.ts";
import { releaseEngine } from "./engine/engine.ts";
import { engineNotes, hasReachedNoEngine, recordEngines, readUsedEngines } from "./engine/engines-used.ts";
import type { UsedEngine } from "./engine/engines-used.ts";
import { installationId } from "./installation.ts";
import { step } from "./progress.ts";
import type { PrintLine } from "./progress.ts";
import { forgetServices, readServices, stopProcess } from "./services/services.ts";
import type { Service } from "./services/services.ts";
import { SetupError } from "./setup-error.ts";

export interface TeardownOptions extends RemovalOptions {
  config: Pick<SetupConfig, "dataDir" | "dockerHost" | "schedulerDockerHost">;
  /** Also deletes the data directory, the data volumes and the images of the private registry. */
  deleteData?: boolean;
  /** Removes images created by deployments even when the data is kept: test runs never deploy the same apps again. */
  removeAppImages?: boolean;
  /** Also removes the leftovers of tests: the prefix of their installations' ids. */
  testsOf?: string;
  printLine: PrintLine;
}

interface ProbedEngine extends UsedEngine {
  engine: Engine | undefined;
}

const serviceGraceMs = 15_000;

/**
 * Removes an installation whose apps have ended from every engine on which it was set up, and reports the steps. Idempotent. A failed
 * step does not stop the others, but the data directory is then kept, since it is needed to find the leftovers.
 * @returns a line for each resource that is left, with the reason. Throws SetupError before anything is deleted when
 * `deleteData` is set and an engine with resources of the installation does not answer.
 */
export async function tearDown(options: TeardownOptions): Promise<string[]> {
  const { config, deleteData = false, removeAppImages = false, testsOf, printLine, ...removal } = options;
  const { dataDir } = config;
  const id = await installationId(dataDir);
  if (id === undefined && testsOf === undefined) {
    step(printLine, "data").report(`nothing is set up in ${dataDir}`);
    return [];
  }
  const engines = await probeEngines(config);
  if (deleteData) requireAnswers(engines, dataDir);
  const selection = { id, testsOf, dataDir, deleteData, removeAppImages, ...removal };
  const left: string[] = [];
  const cleared: ProbedEngine[] = [];
  for (const one of engines) {
    const address = one.dockerHost ?? defaultSocket;
    const report = (text: string) => step(printLine, "engine").report(`${address}: ${text}`);
    if (!one.engine) {
      report("does not answer, so nothing was removed from it");
      continue;
    }
    const lines = await clearEngine(one.engine.docker, selection, report);
    if (lines.length === 0) cleared.push(one);
    left.push(...lines.map((line) => `${address}: ${line}`));
  }
  if (id === undefined) return left;
  left.push(...(await stopServices(dataDir, printLine)));
  if (engines.some(({ engine, dockerHost }) => engine && isDefaultEngine(dockerHost)))
    await attempt(left, "the Docker Engine", () => releaseEngine(id, printLine));
  await finishData(dataDir, { deleteData, cleared, left, printLine });
  return left;
}

/** Probes the recorded engines and those named in the environment: earlier versions did not record any. */
async function probeEngines({
  dataDir,
  dockerHost,
  schedulerDockerHost,
}: TeardownOptions["config"]): Promise<ProbedEngine[]> {
  const used = await readUsedEngines(dataDir);
  const named = [dockerHost ?? null, ...(schedulerDockerHost === undefined ? [] : [schedulerDockerHost])];
  const hosts = new Set([...used.map((one) => one.dockerHost), ...named]);
  return Promise.all(
    Array.from(hosts, async (host) => {
      const answer = await probeEngine(host ?? undefined);
      const noted = used.find((one) => one.dockerHost === host) ?? { dockerHost: host, cleared: true };
      return { ...noted, engine: "docker" in answer ? answer : undefined };
    }),
  );
}

/** Throws SetupError when an engine does not respond that may have resources of the installation. */
function requireAnswers(engines: readonly ProbedEngine[], dataDir: string): void {
  const isEmpty = ({ cleared, unproven }: ProbedEngine) =>
    cleared || (unproven === true && hasReachedNoEngine(dataDir));
  const silent = engines.filter((one) => !one.engine && !isEmpty(one));
  if (silent.length === 0) return;
  const names = silent.map(({ dockerHost }) => dockerHost ?? defaultSocket).join(" and ");
  throw new SetupError(
    `The Docker Engine at ${names} does not answer, and without ${dataDir} Slipway cannot find its resources there: start the engine and run the command again.
  If Slipway never ran there (DOCKER_HOST was mistyped), remove its entry from ${engineNotes(dataDir)} and run the command again. To abandon the resources, delete ${dataDir} yourself.`,
  );
}

/** Deletes the data directory, or keeps it when it was not to be deleted or is needed to find leftovers. */
async function finishData(
  dataDir: string,
  {
    deleteData,
    cleared,
    left,
    printLine,
  }: { deleteData: boolean; cleared: readonly ProbedEngine[]; left: string[]; printLine: PrintLine },
): Promise<void> {
  const { report } = step(printLine, "data");
  if (deleteData && left.length === 0) {
    const deleted = await attempt(left, dataDir, () => rm(dataDir, { recursive: true, force: true }));
    if (deleted) report(`${dataDir} deleted`);
    return;
  }
  const notes = cleared.map(({ dockerHost }) => ({ dockerHost, cleared: true }));
  await attempt(left, engineNotes(dataDir), () => recordEngines(dataDir, notes));
  report(
    deleteData
      ? `${dataDir} kept: the next npm run down needs it to find what is left`
      : `${dataDir} kept (npm run down -- --data deletes it)`,
  );
}

/** Stops the recorded services. @returns a line for each that did not end. */
async function stopServices(dataDir: string, printLine: PrintLine): Promise<string[]> {
  const left: string[] = [];
  await attempt(left, "the private services", async () => {
    const stopping = (await readServices(dataDir)).map(async (service) => {
      const stopped = await attempt(left, `service ${service.name}`, () => stopService(service, printLine));
      return stopped ? [service.name] : [];
    });
    await forgetServices(dataDir, (await Promise.all(stopping)).flat());
  });
  return left;
}

/** Stops a service's process. A service's container has the installation's label, so clearEngine removed it. */
async function stopService(service: Service, printLine: PrintLine): Promise<void> {
  if (service.kind !== "process" || !(await isAlive(service))) return;
  await stopProcess(service, serviceGraceMs);
  step(printLine, service.name).report(`stopped (process ${service.pid})`);
}
