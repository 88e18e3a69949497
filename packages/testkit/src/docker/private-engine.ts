// A separate Docker Engine on this machine for tests, with its own socket, data root and bridges; disposing of it removes all of them.

import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { endsWithin, poll } from "@slipway/async";
import { label } from "@slipway/core";
import { servicesRequired, testsOf } from "../config.ts";
import { freePort } from "../free-port.ts";
import { dockerHost as testDockerHost } from "./config.ts";
import { requestEngine, copyImage, defaultDockerHost } from "./engine-api.ts";
import { onQuotaDisk, type QuotaKind } from "./quota-disk.ts";
import { containerPaths, removeAll } from "./remove-all.ts";
import { withdrawGuards } from "./withdraw-guards.ts";

export interface PrivateEngine extends AsyncDisposable {
  readonly dockerHost: string;
}

export interface PrivateEngineOptions {
  /** Part of its folder's name, so that people recognize it. */
  readonly name: string;
  /** Images that are copied from the tests' shared engine. */
  readonly images?: readonly string[];
  /** Makes it the manager of a new swarm, or a worker node of another private engine's swarm. */
  readonly swarm?: "manager" | { readonly of: PrivateEngine };
  /** Stores its data on a file system with quotas. Needs `lacksQuotaDisk` to be false. */
  readonly quotas?: QuotaKind;
}

const startBoundMs = 30_000;
const stopBoundMs = 30_000;
const pollMs = 50;
const logChars = 20_000;
/** The network through which a swarm's containers leave a node. The engine requires this name. */
const gatewayNetwork = "docker_gwbridge";
const fixedNetworks = new Set(["bridge", "host", "none", "ingress"]);

/**
 * Whether tests that need a private engine must be skipped, for `describe.skipIf`: it requires root on Linux,
 * `dockerd`, and the engine that tests use, which creates its bridge.
 * @throws in CI, naming what is missing: no test is skipped there.
 */
export async function lacksPrivateEngine(): Promise<boolean> {
  const missing = await missingParts();
  if (missing !== null && servicesRequired) throw new Error(`no private engine can be started: ${missing}`);
  return missing !== null;
}

/**
 * Starts a private engine. Its containers reach this machine and, within a network, each other, but nothing outside: the
 * engine does not change the machine's packet filter, since it would remove the rules of the other engine.
 * @throws with the end of the engine's log when it does not start.
 */
export async function startPrivateEngine(options: PrivateEngineOptions): Promise<PrivateEngine> {
  const folder = await mkdtemp(join(tmpdir(), `slipway-engine-${options.name}-`));
  await using failed = new AsyncDisposableStack();
  failed.defer(() => rm(folder, { recursive: true, force: true }));
  const bridge = failed.use(await makeBridge());
  const daemon = await spawnDaemon(folder, bridge.name, options.quotas);
  const reportEnd = () => void report(folder, daemon);
  daemon.once("exit", reportEnd);
  failed.defer(() => {
    daemon.off("exit", reportEnd);
    return stopDaemon(daemon);
  });
  const engine = { dockerHost: `unix://${folder}/socket` };
  await untilAnswers(engine.dockerHost, daemon, folder);
  failed.defer(async () => {
    // A test may have stopped the engine.
    if (await listens(engine.dockerHost)) await removeEverything(engine.dockerHost);
  });
  if (options.swarm === "manager") await makeSwarm(engine.dockerHost);
  else if (options.swarm !== undefined) await joinSwarm(engine.dockerHost, options.swarm.of.dockerHost);
  for (const image of options.images ?? []) {
    await copyImage(testDockerHost ?? defaultDockerHost, engine.dockerHost, image);
  }
  const owned = failed.move();
  return { ...engine, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/**
 * Creates a bridge for the engine's default network, which no test uses. An engine without its own bridge uses docker0, which
 * belongs to the other engine, and an engine configured without a bridge deletes docker0. The other engine creates the
 * bridge, as one of its networks.
 */
async function makeBridge(): Promise<{ readonly name: string } & AsyncDisposable> {
  const host = testDockerHost ?? defaultDockerHost;
  const name = `sw-${randomBytes(4).toString("hex")}`;
  const { Id } = (await requestEngine(host, "POST", "/networks/create", {
    Name: `slipway-engine-${name}`,
    Driver: "bridge",
    Labels: { [label.installation]: testsOf },
    Options: { "com.docker.network.bridge.name": name },
  })) as { Id: string };
  return {
    name,
    [Symbol.asyncDispose]: () => removeAll(host, [async () => [`/networks/${Id}`]]),
  };
}

/** The daemon ends with this process, and with it its mounts, which are in a private namespace. */
async function spawnDaemon(folder: string, bridge: string, quotas?: QuotaKind): Promise<ChildProcess> {
  const log = await open(join(folder, "log"), "a");
  const flags = [
    `--host=unix://${folder}/socket`,
    `--data-root=${folder}/data`,
    `--exec-root=${folder}/exec`,
    `--pidfile=${folder}/pid`,
    // Engines choose addresses from the same ranges by default; this range is not one of the other engine's.
    `--default-address-pool=base=10.${randomInt(128, 192)}.0.0/16,size=24`,
    `--bridge=${bridge}`,
    "--iptables=false",
    "--ip6tables=false",
    "--log-level=warn",
  ];
  try {
    const daemon = ["dockerd", ...flags];
    const command =
      quotas === undefined ? daemon : onQuotaDisk(quotas, `${folder}/disk`, `${folder}/data`, daemon);
    const arguments_ = ["--pdeathsig", "TERM", "unshare", "--mount", ...command];
    return spawn("setpriv", arguments_, { stdio: ["ignore", log.fd, log.fd] });
  } finally {
    await log.close();
  }
}

async function untilAnswers(dockerHost: string, daemon: ChildProcess, folder: string): Promise<void> {
  const look = async () => {
    if (hasEnded(daemon)) return "ended";
    return await requestEngine(dockerHost, "GET", "/version").then(
      () => "answers",
      () => undefined,
    );
  };
  if ((await poll(look, { everyMs: pollMs, limitMs: startBoundMs })) === "answers") return;
  throw new Error(`a private Docker Engine did not start: ${await endOfLog(folder)}`);
}

/** Engines crash, Swarm managers above all. Without the reason, the tests that follow only say that nothing listens. */
async function report(folder: string, { exitCode, signalCode }: ChildProcess): Promise<void> {
  const log = await endOfLog(folder).catch(String);
  const how = signalCode ?? `exit code ${exitCode}`;
  process.stderr.write(`a private Docker Engine ended (${how}): ${log}\n`);
}

async function endOfLog(folder: string): Promise<string> {
  return (await readFile(join(folder, "log"), "utf8")).slice(-logChars);
}

/** Creates the gateway network first, because its default bridge name is the same for every engine of the machine. */
async function makeSwarm(dockerHost: string): Promise<void> {
  await makeGateway(dockerHost);
  await requestEngine(dockerHost, "POST", "/swarm/init", {
    ...(await loopbackAddress()),
    DefaultAddrPool: [`10.${randomInt(192, 255)}.0.0/16`],
    SubnetSize: 24,
  });
}

/** The node shares its manager's bridges of the swarm's networks, since both run on this machine. */
async function joinSwarm(dockerHost: string, managerHost: string): Promise<void> {
  await makeGateway(dockerHost);
  const { JoinTokens } = (await requestEngine(managerHost, "GET", "/swarm")) as {
    JoinTokens: { Worker: string };
  };
  const { Swarm } = (await requestEngine(managerHost, "GET", "/info")) as {
    Swarm: { RemoteManagers: readonly { Addr: string }[] };
  };
  await requestEngine(dockerHost, "POST", "/swarm/join", {
    ...(await loopbackAddress()),
    RemoteAddrs: Swarm.RemoteManagers.map(({ Addr }) => Addr),
    JoinToken: JoinTokens.Worker,
  });
}

async function makeGateway(dockerHost: string): Promise<void> {
  await requestEngine(dockerHost, "POST", "/networks/create", {
    Name: gatewayNetwork,
    Driver: "bridge",
    Options: {
      "com.docker.network.bridge.name": `gw-${randomBytes(4).toString("hex")}`,
      "com.docker.network.bridge.enable_icc": "false",
    },
  });
}

async function loopbackAddress() {
  return { AdvertiseAddr: "127.0.0.1", ListenAddr: `127.0.0.1:${await freePort()}` };
}

/** A daemon closes its socket before its process ends. */
async function listens(dockerHost: string): Promise<boolean> {
  try {
    await requestEngine(dockerHost, "GET", "/version");
    return true;
  } catch (error) {
    if (["ENOENT", "ECONNREFUSED"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}

/** Needed because bridges outlive the engine that created them. */
async function removeEverything(dockerHost: string): Promise<void> {
  await withdrawGuards(dockerHost);
  const { Swarm } = (await requestEngine(dockerHost, "GET", "/info")) as {
    Swarm: { LocalNodeState: string };
  };
  if (Swarm.LocalNodeState !== "inactive") await requestEngine(dockerHost, "POST", "/swarm/leave?force=1");
  await removeAll(dockerHost, [() => containerPaths(dockerHost), () => ownNetworkPaths(dockerHost)]);
}

/** Excludes the swarm's networks: the engine itself removes those after it has left the swarm, and refuses other removals. */
async function ownNetworkPaths(dockerHost: string): Promise<string[]> {
  const networks = (await requestEngine(dockerHost, "GET", "/networks")) as {
    Id: string;
    Name: string;
    Scope: string;
  }[];
  const ours = networks.filter(({ Name, Scope }) => Scope === "local" && !fixedNetworks.has(Name));
  return ours.map(({ Id }) => `/networks/${Id}`);
}

async function stopDaemon(daemon: ChildProcess): Promise<void> {
  if (hasEnded(daemon)) return;
  const ended = once(daemon, "exit");
  daemon.kill("SIGTERM");
  if (await endsWithin(ended, stopBoundMs)) return;
  daemon.kill("SIGKILL");
  await ended;
}

/** True also for a process that could not start. */
function hasEnded({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}

async function missingParts(): Promise<string | null> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "it requires root on Linux";
  for (const program of ["dockerd", "setpriv", "unshare"]) {
    try {
      await promisify(execFile)(program, ["--version"]);
    } catch {
      return `${program} is not on PATH`;
    }
  }
  return requestEngine(testDockerHost ?? defaultDockerHost, "GET", "/version").then(
    () => null,
    (error: unknown) => `the engine that creates its bridge does not respond (${String(error)})`,
  );
}
