// Taking down: everything that set-up and the apps of one installation made, and nothing else.
import { rm } from "node:fs/promises";
import type { ScriptConfig } from "../config.ts";
import { isAlive } from "../lock.mjs";
import { attempt } from "./attempt.ts";
import { clearEngine } from "./clear-engine.ts";
import { defaultSocket, isDefaultEngine, probeEngine } from "./engine-connection.ts";
import type { Engine } from "./engine-connection.ts";
import type { RemovalOptions } from "./engine-removal.ts";
import { releaseEngine } from "./engine.ts";
import type { UsedEngine } from "./engines-used.ts";
import { engineNotes, neverReachedAnEngine, recordEngines, readUsedEngines } from "./engines-used.ts";
import { installationId } from "./installation.ts";
import type { Say } from "./progress.ts";
import { step } from "./progress.ts";
import type { Service } from "./services.ts";
import { forgetServices, readServices, stopProcess } from "./services.ts";
import { SetupError } from "./setup-error.ts";

export interface TeardownOptions extends RemovalOptions {
  config: Pick<ScriptConfig, "dataDir" | "dockerHost" | "schedulerDockerHost">;
  /** Deletes the data directory, the data volumes and the images of the private registry too. */
  deleteData?: boolean;
  /** What tests left goes too: what the ids of their installations begin with. */
  testsOf?: string;
  say: Say;
}

interface Reached extends UsedEngine {
  engine: Engine | undefined;
}

const serviceGraceMs = 15_000;

/**
 * Takes an installation down whose apps have ended, on every engine it was set up on; says what it did. Safe to call again, and
 * where nothing is. What cannot be removed or stopped keeps nothing else from being so, but the data by which it is found.
 * @returns a line for each thing that is left, with the reason. Throws SetupError, with nothing deleted, when data is to be
 * deleted by which alone what is left on an engine that does not answer could be found.
 */
export async function tearDown(options: TeardownOptions): Promise<string[]> {
  const { config, deleteData = false, testsOf, say, ...removal } = options;
  const { dataDir } = config;
  const id = await installationId(dataDir);
  if (id === undefined && testsOf === undefined) {
    step(say, "data").tell(`nothing is set up in ${dataDir}`);
    return [];
  }
  const reached = await reach(config);
  if (deleteData) refuseWhereSomethingIsLeft(reached, dataDir);
  const what = { id, testsOf, dataDir, deleteData, ...removal };
  const left: string[] = [];
  const cleared: Reached[] = [];
  for (const one of reached) {
    const address = one.dockerHost ?? defaultSocket;
    const tell = (text: string) => step(say, "engine").tell(`${address}: ${text}`);
    if (!one.engine) {
      tell("does not answer, so nothing is removed there");
      continue;
    }
    const lines = await clearEngine(one.engine.docker, what, tell);
    if (lines.length === 0) cleared.push(one);
    left.push(...lines.map((line) => `${address}: ${line}`));
  }
  if (id === undefined) return left;
  left.push(...(await stopServices(dataDir, say)));
  if (reached.some(({ engine, dockerHost }) => engine && isDefaultEngine(dockerHost)))
    await attempt(left, "the Docker Engine", () => releaseEngine(id, say));
  await endData(dataDir, { deleteData, cleared, left, say });
  return left;
}

/** The engines it was set up on, and those the environment names now: a clone from before that was noted has no others. */
async function reach({
  dataDir,
  dockerHost,
  schedulerDockerHost,
}: TeardownOptions["config"]): Promise<Reached[]> {
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

function refuseWhereSomethingIsLeft(reached: readonly Reached[], dataDir: string): void {
  const isEmpty = ({ cleared, unproven }: Reached) =>
    cleared || (unproven === true && neverReachedAnEngine(dataDir));
  const silent = reached.filter((one) => !one.engine && !isEmpty(one));
  if (silent.length === 0) return;
  const names = silent.map(({ dockerHost }) => dockerHost ?? defaultSocket).join(" and ");
  throw new SetupError(
    `The Docker Engine at ${names} does not answer, and what Slipway has on it is known by ${dataDir} alone: start the engine and do this again.
  If Slipway never ran on it, as when DOCKER_HOST was mistyped, take its entry out of ${engineNotes(dataDir)} and do this again. To give up all that is on it, delete ${dataDir} yourself.`,
  );
}

/** The data stays where something is left that is found by it. */
async function endData(
  dataDir: string,
  {
    deleteData,
    cleared,
    left,
    say,
  }: { deleteData: boolean; cleared: readonly Reached[]; left: string[]; say: Say },
): Promise<void> {
  const { tell } = step(say, "data");
  if (deleteData && left.length === 0) {
    const deleted = await attempt(left, dataDir, () => rm(dataDir, { recursive: true, force: true }));
    if (deleted) tell(`${dataDir} deleted`);
    return;
  }
  const notes = cleared.map(({ dockerHost }) => ({ dockerHost, cleared: true }));
  await attempt(left, engineNotes(dataDir), () => recordEngines(dataDir, notes));
  tell(
    deleteData
      ? `${dataDir} kept: by it what is left is found when this is done again`
      : `${dataDir} kept (npm run down -- --data deletes it)`,
  );
}

/** @returns a line for each that did not end. */
async function stopServices(dataDir: string, say: Say): Promise<string[]> {
  const left: string[] = [];
  await attempt(left, "the private services", async () => {
    const stopping = (await readServices(dataDir)).map(async (service) => {
      const stopped = await attempt(left, `service ${service.name}`, () => stopService(service, say));
      return stopped ? [service.name] : [];
    });
    await forgetServices(dataDir, (await Promise.all(stopping)).flat());
  });
  return left;
}

/** A service's container carries the installation's label and went with the others. */
async function stopService(service: Service, say: Say): Promise<void> {
  if (service.kind !== "process" || !(await isAlive(service))) return;
  await stopProcess(service, serviceGraceMs);
  step(say, service.name).tell(`stopped (process ${service.pid})`);
}
