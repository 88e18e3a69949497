// Taking down: everything that set-up and the apps of one installation made, and nothing else.
import { rm } from "node:fs/promises";
import type { ScriptConfig } from "../config.ts";
import { isAlive } from "../lock.mjs";
import { clearEngine } from "./clear-engine.ts";
import { defaultSocket, isDefaultEngine, probeEngine } from "./engine-connection.ts";
import type { Engine } from "./engine-connection.ts";
import { releaseEngine } from "./engine.ts";
import type { UsedEngine } from "./engines-used.ts";
import { noteEngines, readUsedEngines } from "./engines-used.ts";
import { installationId } from "./installation.ts";
import type { Say } from "./progress.ts";
import { step } from "./progress.ts";
import type { Service } from "./services.ts";
import { forgetServices, readServices, stopProcess } from "./services.ts";
import { SetupError } from "./setup-error.ts";

export interface TeardownOptions {
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
 * where nothing is. Throws SetupError, with nothing deleted, when data is to be deleted by which alone what is left on an engine
 * that does not answer could be found.
 */
export async function tearDown({ config, deleteData = false, testsOf, say }: TeardownOptions): Promise<void> {
  const { dataDir } = config;
  const id = await installationId(dataDir);
  if (id === undefined && testsOf === undefined)
    return step(say, "data").tell(`nothing is set up in ${dataDir}`);
  const reached = await reach(config);
  if (deleteData) refuseWhereSomethingIsLeft(reached, dataDir);
  const what = { id, testsOf, dataDir, deleteData };
  for (const { engine, dockerHost } of reached) {
    const tell = (text: string) => step(say, "engine").tell(`${dockerHost ?? defaultSocket}: ${text}`);
    if (engine) await clearEngine(engine.docker, what, tell);
    else tell("does not answer, so nothing is removed there");
  }
  if (id === undefined) return;
  await stopServices(dataDir, say);
  if (reached.some(({ engine, dockerHost }) => engine && isDefaultEngine(dockerHost)))
    await releaseEngine(id, say);
  if (deleteData) await rm(dataDir, { recursive: true, force: true });
  else await noteCleared(dataDir, reached);
  step(say, "data").tell(
    deleteData ? `${dataDir} deleted` : `${dataDir} kept (npm run down -- --data deletes it)`,
  );
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
      const cleared = used.find((one) => one.dockerHost === host)?.cleared ?? true;
      return { dockerHost: host, cleared, engine: "docker" in answer ? answer : undefined };
    }),
  );
}

function refuseWhereSomethingIsLeft(reached: readonly Reached[], dataDir: string): void {
  const silent = reached.filter(({ engine, cleared }) => !engine && !cleared);
  if (silent.length === 0) return;
  const names = silent.map(({ dockerHost }) => dockerHost ?? defaultSocket).join(" and ");
  throw new SetupError(
    `The Docker Engine at ${names} does not answer, and what Slipway has on it is known by ${dataDir} alone: start the engine and do this again, or give all of it up and delete that folder yourself.`,
  );
}

async function noteCleared(dataDir: string, reached: readonly Reached[]): Promise<void> {
  const cleared = reached.filter(({ engine }) => engine);
  await noteEngines(
    dataDir,
    cleared.map(({ dockerHost }) => ({ dockerHost, cleared: true })),
  );
}

async function stopServices(dataDir: string, say: Say): Promise<void> {
  const services = await readServices(dataDir);
  await Promise.all(services.map((service) => stopService(service, say)));
  await forgetServices(
    dataDir,
    services.map((service) => service.name),
  );
}

/** A service's container carries the installation's label and went with the others. */
async function stopService(service: Service, say: Say): Promise<void> {
  if (service.kind !== "process" || !(await isAlive(service))) return;
  await stopProcess(service, serviceGraceMs);
  step(say, service.name).tell(`stopped (process ${service.pid})`);
}
