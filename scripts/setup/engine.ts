// The Docker Engine of an installation: the one that answers, else the machine's own, started and shared with others.
import { defaultSocket, probeEngine } from "./engine-connection.ts";
import type { Engine } from "./engine-connection.ts";
import { noEngine, startEngine, stopEngine } from "./engine-daemon.ts";
import { readEngineRecord, withoutUser, withUser, writeEngineRecord } from "./engine-users.ts";
import type { EngineRecord } from "./engine-users.ts";
import type { Installation } from "./installation.ts";
import { installationLabel } from "./installation.ts";
import type { Say } from "./progress.ts";
import { step } from "./progress.ts";
import { SetupError } from "./setup-error.ts";
import { isRoot, sharedLock } from "./shared-folder.ts";

/** The engine to use, started when none answers and this is root; throws SetupError with what to do. */
export async function ensureEngine(
  installation: Installation,
  dockerHost: string | undefined,
  say: Say,
): Promise<Engine> {
  const { tell, during } = step(say, "engine");
  await using _lock = await sharedLock("engine", tell);
  const user = { installationId: installation.id, dataDir: installation.dataDir };
  const answer = await probeEngine(dockerHost);
  if ("docker" in answer) {
    const record = await readEngineRecord();
    if (record && dockerHost === undefined) await writeEngineRecord(withUser(record, user));
    tell(`using ${answer.address} (${answer.version})`);
    return answer;
  }
  refuseUnlessStartable(dockerHost, answer);
  const { engine, start } = await during("starting the Docker Engine", () => startEngine());
  await writeEngineRecord(withUser({ start, users: [] }, user));
  tell(`started, ${engine.address} (${engine.version})`);
  return engine;
}

/** Gives up the installation's use of the engine; stops the engine when Slipway started it and nobody else needs it. */
export async function releaseEngine(id: string, engine: Engine, say: Say): Promise<void> {
  const { tell, during } = step(say, "engine");
  await using _lock = await sharedLock("engine", tell);
  const record = await readEngineRecord();
  if (!record) return tell("left as it is: it was not started here");
  const left = withoutUser(record, id);
  await writeEngineRecord(left);
  const reason = await reasonToKeep(left, engine);
  if (reason !== undefined) return tell(`left running: ${reason}`);
  await during("stopping the Docker Engine", () => stopEngine(left.start));
  tell("stopped");
}

async function reasonToKeep({ users }: EngineRecord, engine: Engine): Promise<string | undefined> {
  if (users.length > 0) return `also used by ${users.map((user) => user.dataDir).join(", ")}`;
  const running = await engine.docker.listContainers();
  const foreign = running.filter((container) => container.Labels[installationLabel] === undefined);
  if (foreign.length > 0) return `${foreign.length} containers that are not Slipway's run on it`;
  return undefined;
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
