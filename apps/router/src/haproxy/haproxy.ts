// HAProxy in front of the router: its folder, its process, and the copies of the routes.

import { lookup } from "node:dns/promises";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BlockList } from "node:net";
import type { Logger } from "@slipway/service";
import type { RequestLine } from "../access-log.ts";
import { limits } from "../limits.ts";
import type { Routes } from "../routes.ts";
import { Commands } from "./commands.ts";
import { frontend, haproxyConfiguration, haproxyFiles } from "./configuration.ts";
import { FastRoutes } from "./fast-routes.ts";
import { startProcess } from "./process.ts";
import type { HaproxyProcess } from "./process.ts";
import { openRequestLog } from "./request-log.ts";
import { countRequests } from "./sessions.ts";

export interface HaproxySettings {
  /** Name or path of the program. */
  readonly program: string;
  readonly trustedNetworks: readonly string[];
  readonly trustedProxies: BlockList;
  readonly host: string;
  readonly port: number;
  readonly domain: string;
  readonly timeoutMs: number;
  readonly isMeasured: boolean;
  /** Logs a request; null when requests are not logged. */
  readonly writeRequest: ((line: RequestLine) => void) | null;
}

export interface Haproxy extends AsyncDisposable {
  /** Path of the Unix socket on which the router has to listen. */
  readonly routerSocket: string;
  readonly fastRoutes: FastRoutes;
  /** Starts HAProxy. @throws {SlipwayError} "configuration-invalid" if it cannot be started. */
  start(): Promise<HaproxyProcess>;
}

/** Prepares HAProxy, without starting it: the router has to listen before requests arrive. */
export async function openHaproxy(
  settings: HaproxySettings,
  routes: Pick<Routes, "cached" | "refreshCached" | "follow">,
  logger: Logger,
  onError: (error: unknown) => void,
): Promise<Haproxy> {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-router-"))).path;
  const files = haproxyFiles(folder);
  const { host, port, domain, trustedNetworks, trustedProxies, timeoutMs, writeRequest } = settings;
  const logsRequests = settings.isMeasured || writeRequest !== null;
  if (logsRequests)
    opened.use(await openRequestLog({ path: files.log, trustedProxies, write: writeRequest, onError }));
  const configuration = haproxyConfiguration({
    listen: { address: (await lookup(host)).address, port },
    folder,
    trustedNetworks,
    timeoutMs,
    maxConnections: await maxConnections(),
    logsRequests,
  });
  for (const [path, content] of configuration) await writeFile(path, content, { mode: 0o600 });
  const commands = new Commands(files.commands);
  const fastRoutes = opened.use(new FastRoutes({ commands, folder, routes, domain, onError }));
  routes.follow(fastRoutes);
  const resources = opened.move();
  return {
    routerSocket: files.router,
    fastRoutes,
    start: () =>
      startProcess({
        program: settings.program,
        configuration: files.configuration,
        ping: () => commands.ask("show version"),
        onEnd: failProcess,
        stopAccepting: () => commands.change([`shutdown frontend ${frontend}`]),
        countRequests: () => countRequests(commands),
        logger,
      }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Ends the process like any error that is not handled (runService). Its supervisor starts the router and HAProxy again. */
function failProcess(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

/** HAProxy opens two files for each connection, and some for itself. */
async function maxConnections(): Promise<number> {
  const text = await readFile("/proc/self/limits", "utf8");
  const files = Number(/^Max open files\s+\S+\s+(\d+)/m.exec(text)?.[1] ?? Infinity);
  return Math.min(limits.connections, Math.floor(files / 2) - 100);
}
