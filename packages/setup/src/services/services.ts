// Records in services.json the processes and containers that setup started, so that a later command can stop them.

import { join } from "node:path";
import { poll } from "@slipway/async";
import { acquireLock, isAlive } from "../../bootstrap/lock.mjs";
import type { Lock, ProcessIdentity } from "../../bootstrap/lock.mjs";
import { readText, writePrivate } from "../files.ts";
import { SetupError } from "../setup-error.ts";

export interface ServiceProcess extends ProcessIdentity {
  kind: "process";
  name: string;
}

interface ServiceContainer {
  kind: "container";
  name: string;
  containerId: string;
}

export type Service = ServiceProcess | ServiceContainer;

const killWaitMs = 10_000;
const everyMs = 100;
const writeWaitMs = 10_000;

/** Reads the services recorded in `dataDir`, running or not. */
export async function readServices(dataDir: string): Promise<Service[]> {
  const text = await readText(file(dataDir));
  return text === undefined ? [] : (JSON.parse(text) as Service[]);
}

/** Records `service`, and replaces a record of the same name. */
export async function recordService(dataDir: string, service: Service): Promise<void> {
  await using _lock = await writeLock(dataDir);
  const others = (await readServices(dataDir)).filter((other) => other.name !== service.name);
  await writePrivate(file(dataDir), `${JSON.stringify([...others, service], undefined, 2)}\n`);
}

/** Deletes the records with these names. */
export async function forgetServices(dataDir: string, names: readonly string[]): Promise<void> {
  await using _lock = await writeLock(dataDir);
  const others = (await readServices(dataDir)).filter((service) => !names.includes(service.name));
  await writePrivate(file(dataDir), `${JSON.stringify(others, undefined, 2)}\n`);
}

/** Finds the recorded process `name` if it still runs. A later process with the same pid does not count. */
export async function runningProcess(dataDir: string, name: string): Promise<ServiceProcess | undefined> {
  const service = (await readServices(dataDir)).find((one) => one.name === name);
  return service?.kind === "process" && (await isAlive(service)) ? service : undefined;
}

/** Ends a process: SIGTERM, then SIGKILL when it is still running after `graceMs`. Does nothing when it has ended. */
export async function stopProcess(identity: ProcessIdentity, graceMs: number): Promise<void> {
  if (!(await signal(identity, "SIGTERM"))) return;
  if (await waitForExit(identity, graceMs)) return;
  await signal(identity, "SIGKILL");
  if (!(await waitForExit(identity, killWaitMs))) {
    throw new SetupError(
      `Process ${identity.pid} still runs ${killWaitMs / 1000} s after SIGKILL: read /proc/${identity.pid}/stack to find what it waits for.`,
    );
  }
}

/** Waits for the end of the process. @returns whether it ended within `timeoutMs`. */
export async function waitForExit(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  return (await poll(async () => !(await isAlive(identity)), { everyMs, limitMs: timeoutMs })) === true;
}

async function signal(identity: ProcessIdentity, name: NodeJS.Signals): Promise<boolean> {
  if (!(await isAlive(identity))) return false;
  try {
    return process.kill(identity.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** Needed because a supervisor and a setup may write at the same time. */
function writeLock(dataDir: string): Promise<Lock> {
  return acquireLock(`${file(dataDir)}.lock`, { waitMs: writeWaitMs });
}

function file(dataDir: string): string {
  return join(dataDir, "services.json");
}
