// Starts a private server on a loopback port, which stays the same across starts while it is free.

import { join } from "node:path";
import { poll } from "@slipway/async";
import { readText, writePrivate } from "../files.ts";
import { SetupError } from "../setup-error.ts";
import { serverCommand } from "../supervisor/server-command.ts";
import { choosePort } from "./ports.ts";
import { recordService, runningProcess, stopProcess } from "./services.ts";
import { lastLines, spawnService } from "./spawn-service.ts";

const everyMs = 100;

export interface PrivateServer {
  /** The name of its service record, folder and log file. */
  name: "redis" | "registry";
  installationId: string;
  dataDir: string;
  folder: string;
  /** Returns the server's URL when it responds on `port`. */
  answeringUrl: (port: number) => Promise<string | undefined>;
  /** Time limit for the start. */
  startTimeoutMs: number;
}

export interface ServerProgram {
  path: string;
  arguments: readonly string[];
  /** Writes the configuration for `port`. */
  configure: (port: number) => Promise<void>;
}

const portTries = 5;
const shownLines = 5;

/** The URL of the server when it already runs. */
export async function runningServer(server: PrivateServer): Promise<string | undefined> {
  if (!(await runningProcess(server.dataDir, server.name))) return undefined;
  const port = await rememberedPort(server.folder);
  return port === undefined
    ? undefined
    : poll(() => server.answeringUrl(port), { everyMs, limitMs: server.startTimeoutMs });
}

/** Starts the server and waits until it answers. Chooses another port when its own is taken. Throws SetupError. */
export async function startServer(server: PrivateServer, program: ServerProgram): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort(await rememberedPort(server.folder));
    await program.configure(port);
    await rememberPort(server.folder, port);
    const url = await tryStart(server, program, port);
    if (url !== undefined) return url;
    const output = await lastLines(logFile(server), shownLines);
    // Another process may have bound the port after the check.
    if (attempt < portTries && output.includes("in use")) continue;
    throw new SetupError(
      `The private ${server.name} did not start. The end of ${logFile(server)}:\n${output}`,
    );
  }
}

/** Reads the port that the server in `folder` used last. */
export async function rememberedPort(folder: string): Promise<number | undefined> {
  const text = await readText(join(folder, "port"));
  return text === undefined ? undefined : Number(text);
}

/** Stores the port for the next start. */
export async function rememberPort(folder: string, port: number): Promise<void> {
  await writePrivate(join(folder, "port"), `${port}\n`);
}

async function tryStart(
  server: PrivateServer,
  program: ServerProgram,
  port: number,
): Promise<string | undefined> {
  const [command, ...args] = await serverCommand(server.installationId, server, [
    program.path,
    ...program.arguments,
  ]);
  const { identity, ended } = await spawnService(command, args, logFile(server));
  await recordService(server.dataDir, { kind: "process", name: server.name, ...identity });
  const probe = async () => (ended() === undefined ? server.answeringUrl(port) : "");
  const answer = await poll(probe, { everyMs, limitMs: server.startTimeoutMs });
  if (answer) return answer;
  await stopProcess(identity, 0);
  return undefined;
}

function logFile({ folder, name }: PrivateServer): string {
  return join(folder, `${name}.log`);
}
