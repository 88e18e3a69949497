// Guards the egress of builds, hooks and releases before a worker takes jobs, and proves that the guard is effective.

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
/** Includes a pull of the stack. */
const restoreLimitMs = 600_000;
const defaultRegistry = "https://registry.npmjs.org";

export interface EgressContext {
  readonly config: EgressConfig;
  readonly logger: Pick<Logger, "warn">;
  readonly redis: {
    hget(key: string, field: string): Promise<string | null>;
    hset(key: string, field: string, value: string): Promise<number>;
  };
  readonly keys: Pick<RedisKeys, "egressProven">;
  /** The connections to the engines; `nodes` are a swarm's nodes besides `releases`. */
  readonly engines: {
    readonly builds: DockerConnectionOptions;
    readonly releases: DockerConnectionOptions;
    readonly nodes: readonly DockerConnectionOptions[];
  };
}

export interface EgressGuard extends Disposable {
  /** Restarts guards that have stopped. */
  check(): Promise<void>;
}

interface Guarded {
  readonly connection: DockerConnection;
  readonly options: GuardOptions;
  /** False for a node that has not responded so far. */
  isSet: boolean;
}

/**
 * Checks the container runtimes, sets the rules on each engine, and probes them unless they were probed since the guard's start. On a
 * swarm's node whose engine does not respond, the first check after it responds sets the rules.
 * @throws {SlipwayError} "configuration-invalid" when an engine lacks a runtime, or when builds reach a blocked destination;
 * "engine-unavailable", "registry-unavailable".
 */
export async function guardEgress(context: EgressContext, signal: AbortSignal): Promise<EgressGuard> {
  const { config, logger, engines } = context;
  using opened = new DisposableStack();
  const builds = opened.use(connectDocker(engines.builds));
  const releases = opened.use(connectDocker(engines.releases));
  const nodes = engines.nodes.map((node) => opened.use(connectDocker(node)));
  await requireRuntimes(config, builds, releases);
  const guarded = config.egress.guarded ? await guardAll(context, { builds, releases, nodes }, signal) : [];
  if (!config.egress.guarded) {
    logger.warn(openWarning);
    for (const { docker } of [builds, releases]) await removeGuardOf(docker, config.installationId);
    await eachNode(nodes, logger, async (node) => {
      await node.ping();
      await removeGuardOf(node.docker, config.installationId);
    });
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
  { builds, releases, nodes }: Connections,
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
  const guarded = await Promise.all(
    engines.map(async (engine): Promise<Guarded> => {
      const { connection } = engine;
      const rules = await rulesOf(engine, config, registries, signal);
      const options = { installationId: config.installationId, image: config.stackImage, rules };
      await prove(context, engine, options, await guardOne(connection, options, signal), signal);
      return { connection, options, isSet: true };
    }),
  );
  // The last connection is the engine of releases, on a swarm a manager. The bridges by which releases leave have the same names on all
  // nodes.
  const ofNodes = guarded
    .slice(-1)
    .flatMap(({ options }) => nodes.map((connection) => ({ connection, options, isSet: false })));
  await eachNode(ofNodes, logger, async (node) => {
    await node.connection.ping();
    await setGuard(node, signal);
  });
  return [...guarded, ...ofNodes];
}

interface Connections {
  readonly builds: DockerConnection;
  readonly releases: DockerConnection;
  readonly nodes: readonly DockerConnection[];
}

/** A node that does not respond does not prevent a worker's start. */
async function eachNode<Node>(
  nodes: readonly Node[],
  logger: EgressContext["logger"],
  task: (node: Node) => Promise<unknown>,
): Promise<void> {
  await Promise.all(
    nodes.map(async (node) => {
      try {
        await task(node);
      } catch (error) {
        logger.warn({ err: error }, "cannot change the egress guard on a node of the swarm");
      }
    }),
  );
}

async function setGuard(guarded: Guarded, signal: AbortSignal): Promise<void> {
  await guardOne(guarded.connection, guarded.options, signal);
  guarded.isSet = true;
}

async function guardOne(
  connection: DockerConnection,
  options: GuardOptions,
  signal: AbortSignal,
): Promise<Guard> {
  await connection.images.ensure(options.image, signal);
  return await ensureGuard(connection.docker, options);
}

/** Probes the egress, unless a worker has probed it since the guard's start. */
async function prove(
  context: EgressContext,
  engine: GuardedEngine,
  { installationId, image, rules }: GuardOptions,
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

async function restore(guarded: Guarded): Promise<void> {
  const { connection, options, isSet } = guarded;
  // A worker of another version may have replaced the guard. Such a guard is kept.
  const found = isSet && (await restartGuard(connection.docker, options.installationId));
  if (!found) await setGuard(guarded, AbortSignal.timeout(restoreLimitMs));
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
