// A further Docker Engine on this machine for tests: its own socket, data root and bridges, nothing left when it is disposed of.

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
import { containerPaths, removeAll } from "./remove-all.ts";

export interface PrivateEngine extends AsyncDisposable {
  readonly dockerHost: string;
}

export interface PrivateEngineOptions {
  /** Stands in the name of its folder, for whoever looks. */
  readonly name: string;
  /** Copied from the engine that tests use. */
  readonly images?: readonly string[];
  /** Makes it the only node of a swarm. */
  readonly swarm?: boolean;
}

const startBoundMs = 30_000;
const stopBoundMs = 30_000;
const pollMs = 50;
const logChars = 2_000;
/** The network by which a swarm's containers leave a node. The engine wants this name. */
const gatewayNetwork = "docker_gwbridge";
const fixedNetworks = new Set(["bridge", "host", "none", "ingress"]);

/**
 * Whether tests that need an engine of their own have to be left out, for `describe.skipIf`: it takes root, on Linux,
 * `dockerd`, and the engine that tests use, which makes its bridge.
 * @throws in CI, naming what is missing: there nothing is left out.
 */
export async function lacksPrivateEngine(): Promise<boolean> {
  const missing = await whatIsMissing();
  if (missing !== null && servicesRequired)
    throw new Error(`no engine of its own can be started: ${missing}`);
  return missing !== null;
}

/**
 * Starts one. Its containers reach this machine and each other as their network says, but nothing outside: it leaves the
 * machine's packet filter alone, as a second engine would take away the first one's rules.
 * @throws with the end of the engine's log when it does not start.
 */
export async function startPrivateEngine(options: PrivateEngineOptions): Promise<PrivateEngine> {
  const folder = await mkdtemp(join(tmpdir(), `slipway-engine-${options.name}-`));
  await using failed = new AsyncDisposableStack();
  failed.defer(() => rm(folder, { recursive: true, force: true }));
  const bridge = failed.use(await makeBridge());
  const daemon = await spawnDaemon(folder, bridge.name);
  failed.defer(() => stopDaemon(daemon));
  const engine = { dockerHost: `unix://${folder}/socket` };
  await untilAnswers(engine.dockerHost, daemon, folder);
  failed.defer(async () => {
    // a test may have stopped it
    if (await listens(engine.dockerHost)) await removeEverything(engine.dockerHost);
  });
  if (options.swarm === true) await makeSwarm(engine.dockerHost);
  for (const image of options.images ?? []) {
    await copyImage(testDockerHost ?? defaultDockerHost, engine.dockerHost, image);
  }
  const owned = failed.move();
  return { ...engine, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/**
 * A bridge for the engine's default network, which nothing here uses. Without one of its own an engine takes docker0, the other
 * engine's, and one that is to have none deletes it. It is made by that other engine, as a network of its.
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

/** It ends with this process, and its mounts with it: they are in a namespace of its own. */
async function spawnDaemon(folder: string, bridge: string): Promise<ChildProcess> {
  const log = await open(join(folder, "log"), "a");
  const flags = [
    `--host=unix://${folder}/socket`,
    `--data-root=${folder}/data`,
    `--exec-root=${folder}/exec`,
    `--pidfile=${folder}/pid`,
    // Engines look for free addresses in the same ranges; the machine's own are in others.
    `--default-address-pool=base=10.${randomInt(128, 192)}.0.0/16,size=24`,
    `--bridge=${bridge}`,
    "--iptables=false",
    "--ip6tables=false",
    "--log-level=warn",
  ];
  try {
    const arguments_ = ["--pdeathsig", "TERM", "unshare", "--mount", "dockerd", ...flags];
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
  const log = await readFile(join(folder, "log"), "utf8");
  throw new Error(`a private Docker Engine did not start: ${log.slice(-logChars)}`);
}

/** The gateway is made beforehand, since its bridge would have a name that is the same for every engine of the machine. */
async function makeSwarm(dockerHost: string): Promise<void> {
  await requestEngine(dockerHost, "POST", "/networks/create", {
    Name: gatewayNetwork,
    Driver: "bridge",
    Options: {
      "com.docker.network.bridge.name": `gw-${randomBytes(4).toString("hex")}`,
      "com.docker.network.bridge.enable_icc": "false",
    },
  });
  await requestEngine(dockerHost, "POST", "/swarm/init", {
    AdvertiseAddr: "127.0.0.1",
    ListenAddr: `127.0.0.1:${await freePort()}`,
    DefaultAddrPool: [`10.${randomInt(192, 255)}.0.0/16`],
    SubnetSize: 24,
  });
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

/** Bridges outlive the engine that made them. */
async function removeEverything(dockerHost: string): Promise<void> {
  const { Swarm } = (await requestEngine(dockerHost, "GET", "/info")) as {
    Swarm: { LocalNodeState: string };
  };
  if (Swarm.LocalNodeState !== "inactive") await requestEngine(dockerHost, "POST", "/swarm/leave?force=1");
  await removeAll(dockerHost, [() => containerPaths(dockerHost), () => ownNetworkPaths(dockerHost)]);
}

/** Those of the swarm that was left go by themselves, some a moment later, and cannot be asked to. */
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

/** Also when it could not begin. */
function hasEnded({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return pid === undefined || exitCode !== null || signalCode !== null;
}

async function whatIsMissing(): Promise<string | null> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "it takes root on Linux";
  for (const program of ["dockerd", "setpriv", "unshare"]) {
    try {
      await promisify(execFile)(program, ["--version"]);
    } catch {
      return `${program} is not on PATH`;
    }
  }
  return requestEngine(testDockerHost ?? defaultDockerHost, "GET", "/version").then(
    () => null,
    (error: unknown) => `the engine beside it does not answer (${String(error)})`,
  );
}
