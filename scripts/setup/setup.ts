// Set-up: makes everything that Slipway needs to run present, and yields the environment for its apps.
import { join } from "node:path";
import type { ScriptConfig } from "../config.ts";
import { acquireLock } from "../lock.mjs";
import type { Engine } from "./engine-connection.ts";
import { probeEngine } from "./engine-connection.ts";
import { imageId } from "./engine-images.ts";
import { ensureEngine } from "./engine.ts";
import type { UsedEngine } from "./engines-used.ts";
import { recordEngines, readUsedEngines } from "./engines-used.ts";
import type { AppEnvironment } from "./environment.ts";
import { appEnvironment, npmRegistry } from "./environment.ts";
import { makePrivateFolder, openInstallation } from "./installation.ts";
import type { Say } from "./progress.ts";
import { step } from "./progress.ts";
import { ensureRedis } from "./redis.ts";
import { ensureRegistry } from "./registry.ts";
import { SetupError } from "./setup-error.ts";
import { ensureStack, localStackTag } from "./stack.ts";
import type { Program } from "./system-packages.ts";
import { installPrograms } from "./system-packages.ts";

export interface SetupOptions {
  config: ScriptConfig;
  /** Made while the stack image is, once the engine answers; nothing more unless given. */
  beside?: (engine: Engine) => Promise<void>;
  /** Receives the progress, one line at a time; nobody unless given. */
  say?: Say;
}

const lockWaitMs = 20 * 60_000;

/**
 * Makes engine, redis, registry and stack image present for the installation that `config` is of. Safe to call again and at
 * once from several processes. Throws SetupError, whose message says what to do.
 */
export async function setup({
  config,
  beside,
  say = () => undefined,
}: SetupOptions): Promise<AppEnvironment> {
  await makePrivateFolder(config.dataDir);
  await using _lock = await acquireLock(join(config.dataDir, "setup.lock"), {
    waitMs: lockWaitMs,
    onWait: (holder) => step(say, "data").tell(`waiting for process ${holder.pid}, which sets up the same`),
  });
  const installation = await openInstallation(config, say);
  await installPrograms(await neededPrograms(config), say);
  const engine = await ensureEngine(installation, config.dockerHost, say);
  await recordEngines(config.dataDir, await answeringEngines(config, say));
  const redisUrl = await ensureRedis(installation, config.redisUrl, engine, say);
  const registryUrl = await ensureRegistry(installation, config.registryUrl, engine, say);
  const stack = { dataDir: config.dataDir, engine, registryUrl, given: config.stackImage };
  const [stackImage] = await whole(ensureStack(stack, say), beside?.(engine));
  const registry = await npmRegistry(config.buildNpmRegistry);
  return appEnvironment(installation, config, { redisUrl, registryUrl, stackImage, npmRegistry: registry });
}

/** Both, or the first one's failure once both have ended: nothing is to go on behind a message that says it failed. */
async function whole<First, Second>(
  first: Promise<First>,
  second: Promise<Second> | undefined,
): Promise<[First, Second | undefined]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}

/**
 * The engine of builds, which has answered, and that of releases where it is another. They are noted after they have answered
 * and before anything is put on them. Throws SetupError when the one of releases has never answered: its name may be wrong.
 */
async function answeringEngines(
  { dataDir, dockerHost, schedulerDockerHost: releases }: ScriptConfig,
  say: Say,
): Promise<UsedEngine[]> {
  const builds = { dockerHost: dockerHost ?? null, cleared: false };
  if (releases === undefined || releases === dockerHost) return [builds];
  const answer = await probeEngine(releases);
  if ("reason" in answer) {
    const noted = (await readUsedEngines(dataDir)).find((one) => one.dockerHost === releases);
    if (noted === undefined || noted.unproven) {
      throw new SetupError(
        `SCHEDULER_DOCKER_HOST=${releases} does not answer (${answer.reason}): start that engine, or name the right one.`,
      );
    }
    step(say, "engine").tell(`${releases} does not answer now (${answer.reason}): no release starts there`);
  }
  return [builds, { dockerHost: releases, cleared: false }];
}

/** Known before anything is installed, so that one run of the package manager brings all. */
async function neededPrograms(config: ScriptConfig): Promise<Program[]> {
  const answer = await probeEngine(config.dockerHost);
  const engine = "docker" in answer ? answer : undefined;
  const stackIsThere =
    config.stackImage !== undefined ||
    (engine && (await imageId(engine.docker, await localStackTag())) !== undefined);
  return programsFor(config, { engineAnswers: engine !== undefined, stackIsThere: stackIsThere === true });
}

/** Which programs this machine must have, given what is configured and what is already there. */
export function programsFor(
  config: Pick<ScriptConfig, "dockerHost" | "redisUrl" | "registryUrl">,
  facts: { engineAnswers: boolean; stackIsThere: boolean },
): Program[] {
  const needed: Program[] = [];
  if (!facts.engineAnswers && config.dockerHost === undefined) needed.push("dockerd");
  if (config.redisUrl === undefined) needed.push("redis-server");
  if (config.registryUrl === undefined) needed.push("docker-registry");
  if (!facts.stackIsThere) needed.push("debootstrap", "docker");
  return needed;
}
