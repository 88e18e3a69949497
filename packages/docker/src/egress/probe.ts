// Proves from inside a container that the egress is guarded: it tries to connect to closed destinations, and resolves a name.

import { label } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine } from "../client.ts";
import { runtimeOption } from "../confinement/runtimes.ts";
import { securityOptions } from "../confinement/seccomp-profile.ts";
import { duringContainer, outputText } from "../during-container.ts";
import type { StartedProcess } from "../process.ts";
import { type Destination, isOpen } from "./destinations.ts";

export interface ProbeOptions {
  readonly installationId: string;
  /** Image of a stack, which must be present on the engine. */
  readonly image: string;
  /** Bridge network in which to probe. */
  readonly networkId: string;
  readonly runtime: string | undefined;
  /** Open destinations, which are not probed. */
  readonly open: readonly Destination[];
  /** A name to resolve; null for none. */
  readonly name: string | null;
}

export interface ProbeResult {
  /** Destinations that accepted a connection although they must be closed. */
  readonly reached: readonly string[];
  readonly resolved: boolean;
}

interface Target {
  readonly what: string;
  readonly address: string;
  readonly port: number;
}

const probeKind = "probe";
const neighborPort = 8080;
/** Maximum lifetime of the neighbor container, even if the worker crashes. */
const neighborSeconds = 60;
const memoryBytes = 64 * 1024 ** 2;

const metadata: readonly Target[] = [
  { what: "the metadata service of clouds", address: "169.254.169.254", port: 80 },
  { what: "the metadata service of clouds", address: "fd00:ec2::254", port: 80 },
  { what: "a private address", address: "10.255.255.254", port: 80 },
  { what: "a private address", address: "192.168.255.254", port: 80 },
];

const neighborScript = `
use IO::Socket::INET; $| = 1; alarm ${neighborSeconds};
my $server = IO::Socket::INET->new(Listen => 16, LocalPort => ${neighborPort}) or die $@;
print "listening\\n";
while (my $client = $server->accept) { close $client }`;

/** The arguments are a name or nothing, then the number, the address and the port of each target. */
const probeScript = `
try() { timeout 2 bash -c ': <"/dev/tcp/$0/$1"' "$2" "$3" 2>/dev/null && echo "reached $1"; }
{ [ -z "$1" ] || timeout 10 getent ahosts "$1" >/dev/null; } && echo resolved
shift
while [ $# -gt 0 ]; do try "$1" "$2" "$3" & shift 3; done
wait`;

/**
 * Tries the metadata service, private addresses, a container on the same network, and a listening port of the host: a port of
 * the neighbor container, published on the bridge's gateway.
 * @throws {SlipwayError} "engine-unavailable"
 */
export async function probeEgress(
  docker: Docker,
  options: ProbeOptions,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const gateway = await gatewayOf(docker, options.networkId, signal);
  return await duringContainer(
    docker,
    neighborConfig(options, gateway),
    signal,
    async (neighbor, process) => {
      await untilListening(process);
      const targets = [...metadata, ...(await neighborTargets(docker, neighbor, options.networkId, gateway))];
      const closed = targets.filter(({ address, port }) => !isOpen(options.open, address, port));
      const output = await duringContainer(docker, probeConfig(options, closed), signal, async (_id, probe) =>
        outputText(probe),
      );
      const lines = output.split("\n");
      const reached = closed.filter((_target, index) => lines.includes(`reached ${index}`));
      return {
        reached: reached.map(({ what, address, port }) => `${what} (${address}, port ${port})`),
        resolved: lines.includes("resolved"),
      };
    },
  );
}

async function gatewayOf(docker: Docker, networkId: string, signal: AbortSignal): Promise<string | null> {
  const inspect = () => docker.getNetwork(networkId).inspect();
  const { IPAM } = await callEngine("inspect a network", inspect, { signal });
  return IPAM?.Config?.[0]?.["Gateway"] ?? null;
}

async function neighborTargets(
  docker: Docker,
  id: string,
  networkId: string,
  gateway: string | null,
): Promise<Target[]> {
  const { NetworkSettings } = await callEngine("inspect a container", () =>
    docker.getContainer(id).inspect(),
  );
  const joined = Object.values(NetworkSettings.Networks).find(({ NetworkID }) => NetworkID === networkId);
  const published = NetworkSettings.Ports[`${neighborPort}/tcp`]?.[0]?.HostPort;
  return [
    ...(joined?.IPAddress
      ? [{ what: "another container", address: joined.IPAddress, port: neighborPort }]
      : []),
    ...(gateway !== null && published !== undefined
      ? [{ what: "the engine's host", address: gateway, port: Number(published) }]
      : []),
  ];
}

async function untilListening(process: StartedProcess): Promise<void> {
  let text = "";
  for await (const bytes of process.output) {
    text += Buffer.from(bytes).toString();
    if (text.includes("listening\n")) return;
  }
  throw new Error(`the container that listens for the egress probe ended: ${text}`);
}

function neighborConfig(options: ProbeOptions, gateway: string | null) {
  const port = `${neighborPort}/tcp`;
  const published = gateway === null ? {} : { PortBindings: { [port]: [{ HostIp: gateway, HostPort: "" }] } };
  const { HostConfig, ...config } = commonConfig(options, ["perl", "-e", neighborScript]);
  return { ...config, ExposedPorts: { [port]: {} }, HostConfig: { ...HostConfig, ...published } };
}

function probeConfig(options: ProbeOptions, targets: readonly Target[]) {
  const numbered = targets.flatMap(({ address, port }, index) => [String(index), address, String(port)]);
  return commonConfig(options, ["bash", "-c", probeScript, "probe", options.name ?? "", ...numbered]);
}

/** Confined like a build. */
function commonConfig({ installationId, image, networkId, runtime }: ProbeOptions, command: string[]) {
  return {
    Image: image,
    Entrypoint: command.slice(0, 1),
    Cmd: command.slice(1),
    WorkingDir: "/",
    Labels: { [label.installation]: installationId, [label.kind]: probeKind },
    Tty: false,
    AttachStdout: true,
    AttachStderr: true,
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      ...runtimeOption(runtime),
      NetworkMode: networkId,
      CapDrop: ["ALL"],
      SecurityOpt: [...securityOptions],
      ReadonlyRootfs: true,
      AutoRemove: true,
      PidsLimit: 64,
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      LogConfig: { Type: "none", Config: {} },
    },
  } satisfies Docker.ContainerCreateOptions;
}
