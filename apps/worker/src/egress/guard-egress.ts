// Guards the egress of builds, hooks and releases before a worker takes jobs, and proves that the guard holds.

import { resolve4 } from "node:dns/promises";
import { SlipwayError } from "@slipway/core";
import {
  connectDocker,
  type DockerConnection,
  type DockerConnectionOptions,
  ensureGuard,
  type Guard,
  type GuardOptions,
  probeEgress,
  removeGuardOf,
  requireRuntime,
  restartGuard,
} from "@slipway/docker";
import type { RedisKeys } from "@slipway/protocol";
import type { Logger } from "@slipway/service";
import {
  type EgressConfig,
  ensureProbedNetworks,
  type GuardedEngine,
  guardedEngines,
  registryDestinations,
  rulesOf,
} from "./guarded-engines.ts";

const openWarning =
  "EGRESS=open: builds, hooks and releases reach whatever their engine's host reaches, also its own services and metadata services of clouds";
const defaultRegistry = "https://registry.npmjs.org";

export interface EgressContext {
  readonly config: EgressConfig;
  readonly logger: Pick<Logger, "warn">;
  readonly redis: {
    hget(key: string, field: string): Promise<string | null>;
    hset(key: string, field: string, value: string): Promise<number>;
  };
  readonly keys: Pick<RedisKeys, "egressProven">;
  /** How to connect to the engines. */
  readonly engines: { readonly builds: DockerConnectionOptions; readonly releases: DockerConnectionOptions };
}

export interface EgressGuard extends Disposable {
  /** Starts guards again that have stopped. */
  check(): Promise<void>;
}

interface Guarded {
  readonly engine: GuardedEngine;
  readonly options: GuardOptions;
}

/**
 * Checks the container runtimes, sets the rules on each engine, and probes them unless that was done since the guard's start.
 * @throws {SlipwayError} "configuration-invalid" when an engine lacks a runtime, or when builds reach what is closed;
 * "engine-unavailable", "registry-unavailable".
 */
export async function guardEgress(context: EgressContext, signal: AbortSignal): Promise<EgressGuard> {
  const { config, logger, engines } = context;
  using opened = new DisposableStack();
  const builds = opened.use(connectDocker(engines.builds));
  const releases = opened.use(connectDocker(engines.releases));
  await requireRuntimes(config, builds, releases);
  const guarded = config.egress.guarded ? await guardAll(context, builds, releases, signal) : [];
  if (!config.egress.guarded) {
    logger.warn(openWarning);
    for (const { docker } of [builds, releases]) await removeGuardOf(docker, config.installationId);
  }
  const resources = opened.move();
  return {
    check: async () => {
      await Promise.all(guarded.map(restore));
    },
    [Symbol.dispose]: () => resources.dispose(),
  };
}

async function guardAll(
  context: EgressContext,
  builds: DockerConnection,
  releases: DockerConnection,
  signal: AbortSignal,
): Promise<readonly Guarded[]> {
  const { config, logger } = context;
  const { npmRegistry, pythonIndex, goProxy } = config.build;
  const registries = await registryDestinations(
    { BUILD_NPM_REGISTRY: npmRegistry, BUILD_PYTHON_INDEX: pythonIndex, BUILD_GO_PROXY: goProxy },
    (setting, error) =>
      logger.warn({ err: error }, `the host of ${setting} cannot be resolved, so it is not opened to builds`),
  );
  const engines = await guardedEngines(builds, releases, signal);
  return await Promise.all(
    engines.map(async (engine): Promise<Guarded> => {
      const rules = await rulesOf(engine, config, registries, signal);
      const options = { installationId: config.installationId, image: config.stackImage, rules };
      await engine.connection.images.ensure(options.image, signal);
      const guard = await ensureGuard(engine.connection.docker, options);
      await prove(context, { engine, options }, guard, signal);
      return { engine, options };
    }),
  );
}

/** Probes the egress, unless a worker has done that since the guard's start. */
async function prove(
  context: EgressContext,
  { engine, options: { installationId, image, rules } }: Guarded,
  guard: Guard,
  signal: AbortSignal,
): Promise<void> {
  const { config, redis, keys, logger } = context;
  const proof = `${guard.id} ${guard.startedAt}`;
  if ((await redis.hget(keys.egressProven, engine.identity)) === proof) return;
  const runtime = engine.probed === "build" ? config.runtimes.builds : config.runtimes.releases;
  const name = await resolvableName(config.build.npmRegistry);
  for (const networkId of await ensureProbedNetworks(engine, config, signal)) {
    const probe = { installationId, image, networkId, runtime, open: rules.open, name };
    const { reached, resolved } = await probeEgress(engine.connection.docker, probe, signal);
    if (reached.length > 0) throw unguarded(reached);
    if (name !== null && !resolved)
      logger.warn(
        { name },
        "builds cannot resolve a name that the worker resolves: check the DNS servers of the engine",
      );
  }
  await redis.hset(keys.egressProven, engine.identity, proof);
}

/** The host of the npm registry, if this process resolves it by DNS; null otherwise. */
async function resolvableName(url: string | undefined): Promise<string | null> {
  const { hostname } = new URL(url ?? defaultRegistry);
  try {
    const addresses = await resolve4(hostname);
    return addresses.length > 0 ? hostname : null;
  } catch {
    return null;
  }
}

async function restore({ engine: { connection }, options }: Guarded): Promise<void> {
  const found = await restartGuard(connection.docker, options.installationId);
  if (!found) await ensureGuard(connection.docker, options);
}

function unguarded(reached: readonly string[]): SlipwayError {
  return new SlipwayError(
    "configuration-invalid",
    `builds and releases reach what must be closed to them: ${reached.join(", ")}. Another packet filter may run before Slipway's rules, or EGRESS_ALLOW may open too much. Correct that, or set EGRESS=open to run without a guard.`,
  );
}

async function requireRuntimes(
  { runtimes, scheduler }: EgressConfig,
  builds: DockerConnection,
  releases: DockerConnection,
): Promise<void> {
  if (runtimes.builds !== undefined) await requireRuntime(builds.docker, "BUILD_RUNTIME", runtimes.builds);
  if (runtimes.releases === undefined) return;
  if (scheduler.kind === "swarm")
    throw new SlipwayError(
      "configuration-invalid",
      'APP_RUNTIME does not apply to a swarm: unset it, and set "default-runtime" in the daemon.json of each node',
    );
  await requireRuntime(releases.docker, "APP_RUNTIME", runtimes.releases);
}
