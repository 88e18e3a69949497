// The connection to a local or remote Docker Engine.

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Duplex } from "node:stream";
import { SlipwayError } from "@slipway/core";
import type Docker from "dockerode";
import { callEngine } from "./client.ts";
import { DockerClient } from "./docker-client.ts";
import { type Images, openImages } from "./images.ts";
import type { RegistryAuth } from "./registry-login.ts";
import { upgrade, type UpgradeHeaders } from "./upgrade.ts";

const defaultSocket = "/var/run/docker.sock";
const pingLimitMs = 10_000;

export interface DockerConnectionOptions {
  /** `unix:///path`, `tcp://host:port`, `http://…` or `https://…`. Default: the local socket. */
  readonly dockerHost?: string;
  /** CA, client certificate and key in PEM format, for an engine that requires TLS. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Login for pulls from the installation's registry if it requires authentication. Other registries do not receive it. */
  readonly registryAuth?: RegistryAuth;
}

export interface DockerConnection extends Disposable {
  readonly docker: Docker;
  /** The engine's host name; null for a local socket. */
  readonly remoteHost: string | null;
  readonly images: Images;
  /** The login for the installation's registry. */
  readonly registryAuth: RegistryAuth | undefined;
  /**
   * Opens a connection through a POST request that the engine answers by switching protocols.
   * @returns the socket, which the caller must destroy. @throws {SlipwayError} "engine-unavailable"; the signal's reason.
   */
  upgrade(path: string, headers: UpgradeHeaders, signal: AbortSignal): Promise<Duplex>;
  /** @throws {SlipwayError} "engine-unavailable" */
  ping(): Promise<void>;
}

/**
 * The first call connects. Disposing closes all connections, so that the process can exit.
 * @throws {SlipwayError} "configuration-invalid" for an address that is not supported.
 */
export function connectDocker(options: DockerConnectionOptions): DockerConnection {
  const endpoint = parseDockerHost(options.dockerHost ?? `unix://${defaultSocket}`);
  // No keep-alive: a connection that broke while idle would fail the next call, and a local connection is cheap.
  const secure = options.tls !== undefined || endpoint.protocol === "https";
  const agent = secure ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false });
  // Every part is set explicitly, because the client takes missing parts from DOCKER_HOST.
  const address = {
    host: endpoint.host ?? "",
    port: endpoint.port ?? "",
    socketPath: endpoint.socketPath,
    protocol: secure ? ("https" as const) : ("http" as const),
    ...options.tls,
  };
  const clientOptions = { ...address, agent };
  const docker = new DockerClient(clientOptions);
  return {
    docker,
    remoteHost: endpoint.host ?? null,
    images: openImages(docker, options.registryAuth),
    registryAuth: options.registryAuth,
    upgrade: (path, headers, signal) =>
      callEngine(`open ${path}`, (bounded) => upgrade(address, path, headers, bounded), { signal }),
    ping: async () => {
      await callEngine("answer", () => docker.ping(), { limitMs: pingLimitMs });
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

interface Endpoint {
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: string;
  readonly protocol: "http" | "https";
}

/** @throws {SlipwayError} "configuration-invalid" for an address that is not supported. */
export function parseDockerHost(dockerHost: string): Endpoint {
  const [, scheme = "tcp", rest = ""] = /^(?:([a-z]+):\/\/)?(.*)$/.exec(dockerHost) ?? [];
  if (scheme === "unix") return { socketPath: rest === "" ? defaultSocket : rest, protocol: "http" };
  if (!["tcp", "http", "https"].includes(scheme) || !URL.canParse(`http://${rest}`)) {
    throw new SlipwayError(
      "configuration-invalid",
      `the engine's address ${dockerHost} is not supported; use unix:///path, tcp://host:port or https://host:port`,
    );
  }
  const { hostname, port } = new URL(`http://${rest}`);
  const protocol = scheme === "https" || port === "2376" ? "https" : "http";
  return { host: hostname, port: port === "" ? (protocol === "https" ? "2376" : "2375") : port, protocol };
}
