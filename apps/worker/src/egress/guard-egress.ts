// Guards the egress of builds, hooks and releases before a worker takes jobs, and proves that the guard is effective.

import { resolve4 } from "node:dns/promises";
import { SlipwayError } from "@slipway/core";
import {
  connectDocker,
  type DockerConnection,
  type DockerConnectionOptions,
  engineIdentity,
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
  releasesBridges,
  type RuledEngine,
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
  const checks = config.egress.guarded ? await guardAll(context, { builds, releases, nodes }, signal) : [];
  if (!config.egress.guarded) {
    logger.warn(openWarning);
    for (const { docker } of [builds, releases]) await removeGuardOf(docker, config.installationId);
    await eachNode(nodes, logger, ({ docker }) => removeGuardOf(docker, config.installationId));
  }
  const resources = opened.move();
  return {
    check: async () => {
      await Promise.all(checks.map((check) => check()));
    },
    [Symbol.dispose]: () => resources.dispose(),
  };
}

/** @returns for each engine a function that starts its guard again if it has stopped. */
async function guardAll(
  context: EgressContext,
  { builds, releases, nodes }: Connections,
  signal: AbortSignal,
): Promise<readonly (() => Promise<void>)[]> {
  const { config, logger } = context;
  const { npmRegistry, pythonIndex, goProxy } = config.build;
  const registries = await registryDestinations(
    { BUILD_NPM_REGISTRY: npmRegistry, BUILD_PYTHON_INDEX: pythonIndex, BUILD_GO_PROXY: goProxy },
    (setting, error) =>
      logger.warn({ err: error }, `the host of ${setting} cannot be resolved, so it is not opened to builds`),
  );
  const engines = await guardedEngines(builds, releases, signal);
  const joinedBy = await releasesBridges(engines, config, signal);
  const optionsOf: OptionsOf = async (engine, until) => ({
    installationId: config.installationId,
    image: config.stackImage,
    rules: await rulesOf(engine, config, { registries, joined: joinedBy(engine) }, until),
  });
  const checks = await Promise.all(
    engines.map(async (engine) => {
      const options = await optionsOf(engine, signal);
      await prove(context, engine, options, await setGuard(engine.connection, options, signal), signal);
      return () => restore(engine.connection, options);
    }),
  );
  const known = new Set(engines.map(({ identity }) => identity));
  const ofNodes = new Map(nodes.map((node) => [node, nodeGuard(node, known, optionsOf)]));
  await eachNode(nodes, logger, (node) => ofNodes.get(node)?.set(signal));
  return [...checks, ...Array.from(ofNodes.values(), ({ check }) => check)];
}

interface Connections {
  readonly builds: DockerConnection;
  readonly releases: DockerConnection;
  readonly nodes: readonly DockerConnection[];
}

type OptionsOf = (engine: RuledEngine, signal: AbortSignal) => Promise<GuardOptions>;

/**
 * The guard of a swarm's node.
 * @param known identities of the engines of builds and releases, which have guards already.
 */
function nodeGuard(connection: DockerConnection, known: ReadonlySet<string>, optionsOf: OptionsOf) {
  /** Undefined until the node has responded; null for a known engine. */
  let options: GuardOptions | null | undefined;
  const set = async (signal: AbortSignal): Promise<void> => {
    const identity = await engineIdentity(connection.docker, signal);
    const found = known.has(identity) ? null : await optionsOf({ connection, identity }, signal);
    if (found !== null) await setGuard(connection, found, signal);
    options = found;
  };
  const check = async (): Promise<void> => {
    if (options === undefined) await set(AbortSignal.timeout(restoreLimitMs));
    else if (options !== null) await restore(connection, options);
  };
  return { set, check };
}

/**
 * A node that does not respond prevents no worker's start, and is named in a warning.
 * @throws other errors of the task, such as rules that the node's kernel refuses.
 */
async function eachNode(
  nodes: readonly DockerConnection[],
  logger: EgressContext["logger"],
  task: (node: DockerConnection) => Promise<void> | undefined,
): Promise<void> {
  await Promise.all(
    nodes.map(async (node) => {
      try {
        await node.ping();
      } catch (error) {
        const name = node.remoteHost ?? "on this machine";
        logger.warn(
          { err: error, node: name },
          "a node of the swarm does not respond: its egress guard is not changed",
        );
        return;
      }
      await task(node);
    }),
  );
}

async function setGuard(
  { images, docker }: DockerConnection,
  options: GuardOptions,
  signal: AbortSignal,
): Promise<Guard> {
  await images.ensure(options.image, signal);
  return await ensureGuard(docker, options);
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

/** A guard that a worker of another version has set stays. */
async function restore(connection: DockerConnection, options: GuardOptions): Promise<void> {
  const found = await restartGuard(connection.docker, options.installationId);
  if (!found) await setGuard(connection, options, AbortSignal.timeout(restoreLimitMs));
}

function unguarded(reached: readonly string[]): SlipwayError {
  return new SlipwayError(
    "configuration-invalid",
    `builds and releases can connect to blocked addresses: ${reached.join(", ")}. Another packet filter may run before Slipway's rules, or EGRESS_ALLOW may open too much. Correct that, or set EGRESS=open to run without a guard.`,
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
