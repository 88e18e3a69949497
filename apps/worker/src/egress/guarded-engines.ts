// The engines of a worker whose egress is guarded, and the rules for each.

import { createHash } from "node:crypto";
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { poll } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import {
  bridgeOf,
  callEngine,
  type Destination,
  type DockerConnection,
  type EgressRules,
  engineIdentity,
  ensureNetwork,
  type GuardedBridge,
  isClosed,
  networkName,
  plannedBridge,
  statusOf,
} from "@slipway/docker";
import type { WorkerConfig } from "../config.ts";

const allocationPollMs = 100;
const allocationLimitMs = 10_000;

export type EgressConfig = Pick<
  WorkerConfig,
  "installationId" | "egress" | "scheduler" | "runtimes" | "stackImage" | "builders"
> & { readonly build: Pick<WorkerConfig["build"], "npmRegistry" | "pythonIndex" | "goProxy"> };

/** An engine whose egress is guarded. */
export interface RuledEngine {
  readonly connection: DockerConnection;
  /** Distinguishes engines, even on the same host. */
  readonly identity: string;
}

export interface GuardedEngine extends RuledEngine {
  /** Network in which the rules are proven. */
  readonly probed: "build" | "run";
  /** Whether releases run on the engine. */
  readonly runsReleases: boolean;
}

/** The network of the engine in which BuildKit runs the steps of Dockerfiles. */
const defaultNetwork = "bridge";
/** The gateway of all overlay networks of a swarm's node. */
const overlayGateway = "docker_gwbridge";

/** The engine of builds and the engine of releases; only one if both are the same. */
export async function guardedEngines(
  builds: DockerConnection,
  releases: DockerConnection,
  signal: AbortSignal,
): Promise<readonly GuardedEngine[]> {
  const [build, release] = await Promise.all([
    engineIdentity(builds.docker, signal),
    engineIdentity(releases.docker, signal),
  ]);
  const same = build === release;
  const first = { connection: builds, identity: build, probed: "build", runsReleases: same } as const;
  if (same) return [first];
  return [first, { connection: releases, identity: release, probed: "run", runsReleases: true }];
}

/**
 * The rules of an engine. They are the same for all workers of an installation, whether an engine is that of builds, of releases or
 * of both, or a node of a swarm.
 * @param joined the bridge by which releases leave the engine, where that is not the one of commands.
 */
export async function rulesOf(
  { connection: { docker }, identity }: RuledEngine,
  config: EgressConfig,
  {
    registries,
    joined,
  }: { readonly registries: readonly Destination[]; readonly joined: GuardedBridge | null },
  signal: AbortSignal,
): Promise<EgressRules> {
  const { installationId, egress } = config;
  const bridge = async (purpose: "build" | "run", open: readonly Destination[]): Promise<GuardedBridge> => ({
    name: await plannedBridge(docker, networkName(installationId, purpose), signal),
    shared: false,
    open,
  });
  const bridges = await Promise.all([bridge("build", registries), bridge("run", [])]);
  const steps = config.builders.includes("dockerfile") ? await stepsNetwork(docker, signal) : null;
  const ofSteps = steps === null ? [] : [{ name: bridgeOf(steps), shared: false, open: registries }];
  const hash = createHash("sha256").update(`${identity} ${installationId}`).digest("hex");
  return {
    table: `slipway-${hash.slice(0, 12)}`,
    bridges: [...bridges, ...(joined === null ? [] : [joined]), ...ofSteps],
    open: egress.open,
  };
}

/**
 * The destinations of the registries that the operator has configured for builds, if they are not on the public internet.
 * @param urls the registries' URLs by setting.
 * @param onError receives a setting whose host cannot be resolved.
 */
export async function registryDestinations(
  urls: Readonly<Record<string, string | undefined>>,
  onError: (setting: string, error: unknown) => void,
): Promise<readonly Destination[]> {
  const found = await Promise.all(
    Object.entries(urls).map(async ([setting, url]) => {
      if (url === undefined) return [];
      return destinationsOf(url).catch((error: unknown) => {
        onError(setting, error);
        return [];
      });
    }),
  );
  const distinct = new Map(found.flat().map((one) => [`${one.range} ${one.port}`, one]));
  return [...distinct.values()];
}

async function destinationsOf(url: string): Promise<readonly Destination[]> {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "");
  const defaultPort = protocol === "http:" ? 80 : 443;
  const addresses = isIP(host) === 0 ? await lookup(host, { all: true }) : [{ address: host }];
  return addresses
    .map(({ address }) => address)
    .filter(isClosed)
    .toSorted()
    .map((range) => ({
      range,
      family: isIP(range) === 4 ? "ip" : "ip6",
      port: port === "" ? defaultPort : Number(port),
    }));
}

/**
 * The bridges by which releases leave the engines.
 * @param engines that of releases last. On a swarm the bridge has the same name on all nodes, and its manager knows it.
 */
export async function releasesBridges(
  engines: readonly GuardedEngine[],
  config: EgressConfig,
  signal: AbortSignal,
): Promise<(engine: RuledEngine) => GuardedBridge | null> {
  const found = await Promise.all(
    engines.map(async (engine) => {
      const { connection, runsReleases, identity } = engine;
      return [identity, await releasesBridge(connection.docker, config, runsReleases, signal)] as const;
    }),
  );
  const [, ofReleases = null] = found.at(-1) ?? [];
  if (config.scheduler.kind === "swarm") return () => ofReleases;
  const bridges = new Map(found);
  return ({ identity }) => bridges.get(identity) ?? null;
}

/**
 * The bridge by which releases leave, where it is not that of commands; null if there is none on this engine.
 * @throws {SlipwayError} "configuration-invalid" when releases run on the engine and it lacks the operator's network.
 */
async function releasesBridge(
  docker: DockerConnection["docker"],
  { installationId, scheduler: { kind, network } }: EgressConfig,
  runsReleases: boolean,
  signal: AbortSignal,
): Promise<GuardedBridge | null> {
  if (network === undefined && kind === "docker") return null;
  const name = network ?? networkName(installationId, "tasks");
  if (network === undefined && runsReleases)
    await ensureNetwork(docker, name, installationId, signal, { scope: "swarm" });
  try {
    const found = await createdNetwork(docker, name, signal);
    if (found.Driver === "overlay") return { name: overlayGateway, shared: false, open: [] };
    if (found.Driver === "bridge") return { name: bridgeOf(found), shared: network !== undefined, open: [] };
    throw unsupported(name, `has the driver ${found.Driver}, whose egress Slipway cannot guard`);
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    if (!runsReleases) return null;
    throw unsupported(name, "does not exist on the engine of releases");
  }
}

/** A swarm returns a new network without a driver until the network is allocated. */
async function createdNetwork(docker: DockerConnection["docker"], name: string, signal: AbortSignal) {
  const inspect = () => docker.getNetwork(name).inspect();
  const request = () => callEngine("inspect a network", inspect, { signal });
  const allocated = async () => {
    const found = await request();
    return found.Driver !== "" && found;
  };
  const options = { everyMs: allocationPollMs, limitMs: allocationLimitMs, signal };
  return (await poll(allocated, options)) ?? (await request());
}

/** Creates the network for the probes. @returns its id, and on an engine of builds the network of Dockerfile steps. */
export async function ensureProbedNetworks(
  { connection: { docker }, probed }: GuardedEngine,
  { installationId, builders }: Pick<EgressConfig, "installationId" | "builders">,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const network = await ensureNetwork(docker, networkName(installationId, probed), installationId, signal);
  if (probed !== "build" || !builders.includes("dockerfile")) return [network];
  const steps = await stepsNetwork(docker, signal);
  return steps === null ? [network] : [network, steps.Id];
}

/** @returns null when the engine has no such network: Dockerfile steps then have no network either. */
async function stepsNetwork(docker: DockerConnection["docker"], signal: AbortSignal) {
  try {
    const inspect = () => docker.getNetwork(defaultNetwork).inspect();
    return await callEngine("inspect its default network", inspect, { signal });
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

function unsupported(network: string, reason: string): SlipwayError {
  return new SlipwayError(
    "configuration-invalid",
    `the network ${network} ${reason}: set SCHEDULER_NETWORK to a bridge or an overlay network, or EGRESS=open`,
  );
}
