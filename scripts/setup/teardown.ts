// Taking down: everything that set-up and the apps of one installation made, and nothing else.
import { rm } from "node:fs/promises";
import { readConfig } from "../config.ts";
import { isAlive } from "../lock.mjs";
import { clearEngine } from "./clear-engine.ts";
import type { Engine } from "./engine-connection.ts";
import { probeEngine } from "./engine-connection.ts";
import { releaseEngine } from "./engine.ts";
import { installationId } from "./installation.ts";
import type { Say } from "./progress.ts";
import { step } from "./progress.ts";
import type { Service } from "./services.ts";
import { forgetServices, readServices, stopProcess } from "./services.ts";

export interface TeardownOptions {
  /** Absolute. */
  dataDir: string;
  /** Deletes the data directory, the data volumes and the images of the private registry too. */
  deleteData?: boolean;
  say: Say;
}

const serviceGraceMs = 15_000;

/** Takes an installation down whose apps have ended; says what it did. Safe to call again, and where nothing is. */
export async function tearDown({ dataDir, deleteData = false, say }: TeardownOptions): Promise<void> {
  const id = await installationId(dataDir);
  if (id === undefined) return step(say, "data").tell(`nothing is set up in ${dataDir}`);
  const { dockerHost, schedulerDockerHost } = readConfig();
  const engine = await answering(dockerHost);
  if (engine) await clearEngine(engine.docker, { id, dataDir, deleteData }, step(say, "engine").tell);
  else step(say, "engine").tell("none answers: nothing to remove there");
  if (schedulerDockerHost !== undefined && schedulerDockerHost !== dockerHost) {
    const { tell } = step(say, "releases");
    const scheduler = await answering(schedulerDockerHost);
    if (scheduler) await clearEngine(scheduler.docker, { id, dataDir, deleteData }, tell);
    else tell(`no engine answers at ${schedulerDockerHost}: what runs there stays`);
  }
  await stopServices(dataDir, say);
  if (engine) await releaseEngine(id, engine satisfies Engine, say);
  if (deleteData) await rm(dataDir, { recursive: true, force: true });
  step(say, "data").tell(
    deleteData ? `${dataDir} deleted` : `${dataDir} kept (npm run down -- --data deletes it)`,
  );
}

async function answering(dockerHost: string | undefined): Promise<Engine | undefined> {
  const answer = await probeEngine(dockerHost);
  return "docker" in answer ? answer : undefined;
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
