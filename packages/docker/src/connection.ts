// The connection to one Docker Engine, of this machine or a remote one.

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { SlipwayError } from "@slipway/core";
import Docker from "dockerode";
import { ask } from "./client.ts";
import { type Images, openImages, type RegistryAuth } from "./images.ts";

const defaultSocket = "/var/run/docker.sock";
const pingLimitMs = 10_000;

export interface DockerConnectionOptions {
  /** `unix:///path`, `tcp://host:port`, `http://…` or `https://…`; the default socket when absent. */
  readonly dockerHost?: string;
  /** PEM texts for an engine that asks for TLS. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** For pulling from a registry that asks who we are. */
  readonly registryAuth?: RegistryAuth;
}

export interface DockerConnection extends Disposable {
  readonly docker: Docker;
  /** The engine's host name; null when it is reached by a socket of this machine. */
  readonly remoteHost: string | null;
  readonly images: Images;
  /** @throws {SlipwayError} "engine-unavailable" */
  ping(): Promise<void>;
}

/** Opens nothing yet: the first call does. Disposing cuts all that is still in the air, so that the process can end. */
export function connectDocker(options: DockerConnectionOptions): DockerConnection {
  const endpoint = parseDockerHost(options.dockerHost ?? `unix://${defaultSocket}`);
  // Connections are not kept: one that died while idle would fail the next call, and a local one costs next to nothing.
  const secure = options.tls !== undefined || endpoint.protocol === "https";
  const agent = secure ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false });
  // The client reads DOCKER_HOST by itself; naming every part keeps it from mixing that in.
  const clientOptions = {
    host: endpoint.host ?? "",
    port: endpoint.port ?? "",
    socketPath: endpoint.socketPath,
    protocol: secure ? ("https" as const) : ("http" as const),
    agent,
    ...options.tls,
  };
  const docker = new Docker(clientOptions);
  return {
    docker,
    remoteHost: endpoint.host ?? null,
    images: openImages(docker, options.registryAuth),
    ping: async () => {
      await ask("answer", () => docker.ping(), { limitMs: pingLimitMs });
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

/** @throws {SlipwayError} "configuration-invalid" for a scheme we do not speak. */
export function parseDockerHost(dockerHost: string): Endpoint {
  const [, scheme = "tcp", rest = ""] = /^(?:([a-z]+):\/\/)?(.*)$/.exec(dockerHost) ?? [];
  if (scheme === "unix") return { socketPath: rest === "" ? defaultSocket : rest, protocol: "http" };
  if (!["tcp", "http", "https"].includes(scheme) || !URL.canParse(`http://${rest}`)) {
    throw new SlipwayError(
      "configuration-invalid",
      `the engine's address ${dockerHost} is neither unix:// nor tcp://`,
    );
  }
  const { hostname, port } = new URL(`http://${rest}`);
  const protocol = scheme === "https" || port === "2376" ? "https" : "http";
  return { host: hostname, port: port === "" ? (protocol === "https" ? "2376" : "2375") : port, protocol };
}
