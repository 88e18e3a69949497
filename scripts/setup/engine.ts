// The Docker Engine of an installation: the one that answers, else the machine's own, started and shared with others.
import { defaultSocket, isDefaultEngine, probeEngine } from "./engine-connection.ts";
import type { Engine } from "./engine-connection.ts";
import { noEngine, startEngine, stopEngine } from "./engine-daemon.ts";
import { readEngineRecord, withoutUser, withUser, writeEngineRecord } from "./engine-users.ts";
import type { EngineRecord } from "./engine-users.ts";
import type { Installation } from "./installation.ts";
import type { Say } from "./progress.ts";
import { step } from "./progress.ts";
import { SetupError } from "./setup-error.ts";
import { isRoot, sharedFolder, sharedLock } from "./shared-folder.ts";

/** The machine's own engine, which everybody on it shares. */
export interface MachineEngine {
  /** As DOCKER_HOST; undefined is the default socket. */
  dockerHost: string | undefined;
  /** Where it is noted that Slipway started it, and who uses it. */
  folder: string;
}

/** The engine to use, started when none answers and this is root; throws SetupError with what to do. */
export async function ensureEngine(
  installation: Pick<Installation, "id" | "dataDir">,
  dockerHost: string | undefined,
  say: Say,
  machine?: MachineEngine,
): Promise<Engine> {
  const { tell, during } = step(say, "engine");
  await using _lock = await sharedLock("engine", tell);
  const own = machine ?? (await thisMachine());
  const user = { installationId: installation.id, dataDir: installation.dataDir };
  const isOwn = isDefaultEngine(dockerHost);
  const answer = await probeEngine(isOwn ? own.dockerHost : dockerHost);
  if ("docker" in answer) {
    const record = isOwn ? await readEngineRecord(own.folder) : undefined;
    if (record) await writeEngineRecord(own.folder, withUser(record, user));
    tell(`using ${answer.address} (${answer.version})`);
    return answer;
  }
  refuseUnlessStartable(dockerHost, answer);
  const { engine, start } = await during("starting the Docker Engine", () => startEngine());
  await writeEngineRecord(own.folder, withUser({ start, users: [] }, user));
  tell(`started, ${engine.address} (${engine.version})`);
  return engine;
}

/**
 * Gives up the installation's use of the machine's engine; stops that when Slipway started it and nobody else needs it. What
 * the installation had on it is gone already.
 */
export async function releaseEngine(id: string, say: Say, machine?: MachineEngine): Promise<void> {
  const { tell, during } = step(say, "engine");
  await using _lock = await sharedLock("engine", tell);
  const own = machine ?? (await thisMachine());
  const record = await readEngineRecord(own.folder);
  if (!record) return tell("left as it is: it was not started here");
  const left = withoutUser(record, id);
  await writeEngineRecord(own.folder, left);
  const reason = await reasonToKeep(left, own);
  if (reason !== undefined) return tell(`left running: ${reason}`);
  await during("stopping the Docker Engine", () => stopEngine(left.start));
  tell("stopped");
}

/** Whoever runs a container on it uses it: another clone, an installation of docker compose, somebody who knows nothing of us. */
async function reasonToKeep({ users }: EngineRecord, own: MachineEngine): Promise<string | undefined> {
  if (users.length > 0) return `also used by ${users.map((user) => user.dataDir).join(", ")}`;
  const answer = await probeEngine(own.dockerHost);
  if (!("docker" in answer)) return `it does not say what runs on it (${answer.reason})`;
  const running = await answer.docker.listContainers();
  return running.length > 0 ? `${running.length} containers of others run on it` : undefined;
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
