// Provides the Docker Engine of an installation: a responding one, or else the machine's default engine, which it starts.

import type { Installation } from "../installation.ts";
import { isRoot, sharedFolder, sharedLock } from "../machine/shared-folder.ts";
import { step } from "../progress.ts";
import type { PrintLine } from "../progress.ts";
import { SetupError } from "../setup-error.ts";
import { defaultSocket, isDefaultEngine, probeEngine } from "./engine-connection.ts";
import type { Engine } from "./engine-connection.ts";
import { noEngine, startEngine, stopEngine } from "./engine-daemon.ts";
import { readEngineRecord, withoutUser, withUser, writeEngineRecord } from "./engine-users.ts";
import type { EngineRecord } from "./engine-users.ts";

/** The machine's default engine, which all its users share. */
export interface MachineEngine {
  /** As in DOCKER_HOST; undefined for the default socket. */
  dockerHost: string | undefined;
  /** Contains engine.json, the record of the start and of the installations that use the engine. */
  folder: string;
}

/** Connects to the engine to use; as root, starts it when none responds. Throws SetupError with what to do. */
export async function ensureEngine(
  installation: Pick<Installation, "id" | "dataDir">,
  dockerHost: string | undefined,
  printLine: PrintLine,
  machine?: MachineEngine,
): Promise<Engine> {
  const { report, during } = step(printLine, "engine");
  await using _lock = await sharedLock("engine", report);
  const own = machine ?? (await thisMachine());
  const user = { installationId: installation.id, dataDir: installation.dataDir };
  const isDefault = isDefaultEngine(dockerHost);
  const answer = await probeEngine(isDefault ? own.dockerHost : dockerHost);
  if ("docker" in answer) {
    const record = isDefault ? await readEngineRecord(own.folder) : undefined;
    if (record) await writeEngineRecord(own.folder, withUser(record, user));
    report(`using ${answer.address} (${answer.version})`);
    return answer;
  }
  refuseUnlessStartable(dockerHost, answer);
  const { engine, start } = await during("starting the Docker Engine", () => startEngine());
  await writeEngineRecord(own.folder, withUser({ start, users: [] }, user));
  report(`started, ${engine.address} (${engine.version})`);
  return engine;
}

/**
 * Removes the installation from the users of the machine's engine. Stops the engine if Slipway started it and it has no other
 * users. The caller has already removed the installation's resources.
 */
export async function releaseEngine(
  id: string,
  printLine: PrintLine,
  machine?: MachineEngine,
): Promise<void> {
  const { report, during } = step(printLine, "engine");
  await using _lock = await sharedLock("engine", report);
  const own = machine ?? (await thisMachine());
  const record = await readEngineRecord(own.folder);
  if (!record) return report("left running: Slipway did not start it");
  const left = withoutUser(record, id);
  await writeEngineRecord(own.folder, left);
  const reason = await reasonToKeep(left, own);
  if (reason !== undefined) return report(`left running: ${reason}`);
  await during("stopping the Docker Engine", () => stopEngine(left.start));
  report("stopped");
}

/** Any running container counts as a use: another clone's, Docker Compose's, or that of a program unrelated to Slipway. */
async function reasonToKeep({ users }: EngineRecord, own: MachineEngine): Promise<string | undefined> {
  if (users.length > 0) return `also used by ${users.map((user) => user.dataDir).join(", ")}`;
  const answer = await probeEngine(own.dockerHost);
  if (!("docker" in answer)) return `its containers cannot be listed (${answer.reason})`;
  const running = await answer.docker.listContainers();
  return running.length > 0 ? `it still runs ${running.length} other containers` : undefined;
}

async function thisMachine(): Promise<MachineEngine> {
  return { dockerHost: undefined, folder: await sharedFolder() };
}

function refuseUnlessStartable(
  dockerHost: string | undefined,
  answer: { reason: string; code?: string },
): void {
  if (dockerHost !== undefined) {
    throw new SetupError(
      `DOCKER_HOST=${dockerHost} does not answer (${answer.reason}): start that engine, or unset DOCKER_HOST to use this machine's.`,
    );
  }
  if (answer.code === "EACCES") {
    throw new SetupError(
      `You may not use ${defaultSocket}: add yourself to the group docker (as root: usermod -aG docker NAME) and log in again.`,
    );
  }
  if (!isRoot()) throw new SetupError(noEngine(answer.reason));
}
