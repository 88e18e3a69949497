// The lock of the process that runs Slipway on a data directory. It contains the addresses for other commands.

import { join } from "node:path";
import { acquireLock, isAlive, LockHeldError, lockHolder } from "../../bootstrap/lock.mjs";
import type { Lock, ProcessIdentity } from "../../bootstrap/lock.mjs";
import type { SetupConfig } from "../config.ts";
import { step } from "../progress.ts";
import type { PrintLine } from "../progress.ts";
import { isPortFree } from "../services/ports.ts";
import { readServices, stopProcess } from "../services/services.ts";
import { SetupError } from "../setup-error.ts";

export interface RunningSlipway extends ProcessIdentity {
  apiUrl: string;
  streamUrl: string;
  routerUrl: string;
}

/** Matches the names of services that are apps. */
const appName = /^(api|stream|router|worker-\d+)$/;

/** Finds the Slipway that runs on this data directory; undefined when none does. */
export async function findRunning(dataDir: string): Promise<RunningSlipway | undefined> {
  return (await lockHolder(lockFile(dataDir))) as RunningSlipway | undefined;
}

/** Acquires the lock of this data directory. Throws SetupError when another Slipway holds it. */
export async function claimRunning(config: SetupConfig): Promise<Lock> {
  try {
    return await acquireLock(lockFile(config.dataDir), { data: urls(config) });
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    const { pid, apiUrl } = error.holder;
    throw new SetupError(
      `Slipway already runs on ${config.dataDir} (process ${pid}, ${String(apiUrl)}): stop it with Ctrl-C there or npm run down.`,
    );
  }
}

/** Stops apps whose supervisor was killed, since they occupy the ports. They get `graceMs` to drain. */
export async function stopOrphans(dataDir: string, graceMs: number, printLine: PrintLine): Promise<void> {
  const services = await readServices(dataDir);
  const apps = services.filter((service) => service.kind === "process" && appName.test(service.name));
  await Promise.all(
    apps.map(async (app) => {
      if (app.kind !== "process" || !(await isAlive(app))) return;
      step(printLine, "apps").report(`stopping ${app.name} (process ${app.pid}), whose supervisor is gone`);
      await stopProcess(app, graceMs);
    }),
  );
}

/** Throws SetupError when a port is taken, with the port and its variable. */
export async function checkPorts(config: SetupConfig): Promise<void> {
  const wanted = { API_PORT: config.apiPort, STREAM_PORT: config.streamPort, ROUTER_PORT: config.routerPort };
  for (const [variable, port] of Object.entries(wanted)) {
    if (await isPortFree(port)) continue;
    throw new SetupError(
      `Port ${port} is used by another program: set ${variable} to a free port, for example ${variable}=${port + 100} npm start.`,
    );
  }
}

/** The URLs of the API, the stream and the router on this machine. */
export function urls({
  apiPort,
  streamPort,
  routerPort,
}: Pick<SetupConfig, "apiPort" | "streamPort" | "routerPort">): Pick<
  RunningSlipway,
  "apiUrl" | "streamUrl" | "routerUrl"
> {
  return {
    apiUrl: `http://127.0.0.1:${apiPort}`,
    streamUrl: `ws://127.0.0.1:${streamPort}`,
    routerUrl: `http://127.0.0.1:${routerPort}`,
  };
}

function lockFile(dataDir: string): string {
  return join(dataDir, "running.json");
}
