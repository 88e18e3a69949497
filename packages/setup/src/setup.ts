// Sets up everything that Slipway needs to run, and returns the environment of its apps.

import { join } from "node:path";
import { acquireLock } from "../bootstrap/lock.mjs";
import type { SetupConfig } from "./config.ts";
import { ensureConsole } from "./console-build.ts";
import { probeEngine } from "./engine/engine-connection.ts";
import type { Engine } from "./engine/engine-connection.ts";
import { ensureEngine } from "./engine/engine.ts";
import { recordEngines, readUsedEngines } from "./engine/engines-used.ts";
import type { UsedEngine } from "./engine/engines-used.ts";
import { appEnvironment, npmRegistry } from "./environment.ts";
import type { AppEnvironment } from "./environment.ts";
import { ensureFurtherStacks } from "./images/further-stacks.ts";
import { ensureStack, hasLocalStack } from "./images/stack.ts";
import { makePrivateFolder, openInstallation } from "./installation.ts";
import { moveDatabase } from "./move-database.ts";
import { installPrograms } from "./machine/system-packages.ts";
import type { Program } from "./machine/system-packages.ts";
import { step } from "./progress.ts";
import type { PrintLine } from "./progress.ts";
import { ensureRedis } from "./services/redis.ts";
import { ensureRegistry } from "./services/registry.ts";
import { SetupError } from "./setup-error.ts";

export interface SetupOptions {
  config: SetupConfig;
  /** Runs concurrently with the build of the stack, once the engine responds. */
  concurrently?: (engine: Engine) => Promise<void>;
  /** Receives the progress, one line at a time. */
  printLine?: PrintLine;
}

const lockWaitMs = 20 * 60_000;

/**
 * Provides engine, Redis, registry and stack to the installation in `config.dataDir`. Idempotent, and safe to run in
 * several processes at the same time. Throws SetupError, whose message says what to do.
 */
export async function setup({
  config,
  concurrently,
  printLine = () => undefined,
}: SetupOptions): Promise<AppEnvironment> {
  await makePrivateFolder(config.dataDir);
  await using _lock = await acquireLock(join(config.dataDir, "setup.lock"), {
    waitMs: lockWaitMs,
    onWait: (holder) =>
      step(printLine, "data").report(`waiting for process ${holder.pid}, which sets up this installation`),
  });
  const installation = await openInstallation(config, printLine);
  await moveDatabase(config.dataDir, step(printLine, "data").report);
  await installPrograms(await neededPrograms(config), printLine);
  await ensureConsole(printLine);
  const engine = await ensureEngine(installation, config.dockerHost, printLine);
  await recordEngines(config.dataDir, await answeringEngines(config, printLine));
  const redis = await ensureRedis(installation, config.redisUrl, engine, printLine);
  const registryUrl = await ensureRegistry(installation, config.registryUrl, engine, printLine);
  const wanted = { dataDir: config.dataDir, engine, registryUrl, given: config };
  const [stack] = await bothSettled(ensureStack(wanted, printLine), concurrently?.(engine));
  const { stacks: items = [], dataDir } = config;
  const furtherStacks = await ensureFurtherStacks({ dataDir, engine, registryUrl, items }, printLine);
  const registry = await npmRegistry(config.buildNpmRegistry);
  return appEnvironment(installation, config, {
    ...redis,
    registryUrl,
    stack,
    furtherStacks,
    npmRegistry: registry,
  });
}

/** Waits until both have settled, so that no work continues after a failure is reported. Rejects if either failed. */
async function bothSettled<First, Second>(
  first: Promise<First>,
  second: Promise<Second> | undefined,
): Promise<[First, Second | undefined]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}

/**
 * Lists the engines to record: the builds' engine, which has responded, and the releases' engine when it differs. Engines are recorded
 * after they have responded and before anything is created on them. Throws SetupError when the releases' engine has never
 * responded, because its address may be wrong.
 */
async function answeringEngines(
  { dataDir, dockerHost, schedulerDockerHost: releases }: SetupConfig,
  printLine: PrintLine,
): Promise<UsedEngine[]> {
  const builds = { dockerHost: dockerHost ?? null, cleared: false };
  if (releases === undefined || releases === dockerHost) return [builds];
  const answer = await probeEngine(releases);
  if ("reason" in answer) {
    const noted = (await readUsedEngines(dataDir)).find((one) => one.dockerHost === releases);
    if (noted === undefined || noted.unproven) {
      throw new SetupError(
        `SCHEDULER_DOCKER_HOST=${releases} does not answer (${answer.reason}): start that engine, or correct the variable.`,
      );
    }
    step(printLine, "engine").report(
      `${releases} does not answer (${answer.reason}): releases cannot start until it does`,
    );
  }
  return [builds, { dockerHost: releases, cleared: false }];
}

/** Determines all missing programs up front, so that the package manager runs once. */
async function neededPrograms(config: SetupConfig): Promise<Program[]> {
  const answer = await probeEngine(config.dockerHost);
  const engine = "docker" in answer ? answer : undefined;
  const stackExists = config.stackImage !== undefined || (engine && (await hasLocalStack(engine)));
  return programsFor(config, { engineAnswers: engine !== undefined, stackExists: stackExists === true });
}

/** Lists the programs that this machine needs, given the configuration and what already exists. */
export function programsFor(
  config: Pick<SetupConfig, "dockerHost" | "redisUrl" | "registryUrl">,
  facts: { engineAnswers: boolean; stackExists: boolean },
): Program[] {
  // Workers fetch buildpacks with git.
  const needed: Program[] = ["git"];
  if (!facts.engineAnswers && config.dockerHost === undefined) needed.push("dockerd");
  if (config.redisUrl === undefined) needed.push("redis-server");
  if (config.registryUrl === undefined) needed.push("docker-registry");
  if (!facts.stackExists) needed.push("debootstrap", "docker");
  return needed;
}
