// The connection to one Docker Engine, and the one way to ask it: every call ends, by its answer, its limit or the caller's signal.

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { SlipwayError } from "@slipway/core";
import Docker from "dockerode";

const defaultSocket = "/var/run/docker.sock";
const callLimitMs = 60_000;

export interface DockerConnectionOptions {
  /** `unix:///path`, `tcp://host:port`, `http://…` or `https://…`; the default socket when absent. */
  readonly dockerHost?: string;
  /** PEM texts for an engine that asks for TLS. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

export interface DockerConnection extends Disposable {
  readonly docker: Docker;
  /** The engine's host name; null when it is reached by a socket of this machine. */
  readonly remoteHost: string | null;
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
  return { docker, remoteHost: endpoint.host ?? null, [Symbol.dispose]: () => agent.destroy() };
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

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly limitMs?: number;
}

/**
 * Makes one call to the engine.
 * @param what for the error's message: "create the build container"
 * @throws {SlipwayError} "engine-unavailable" with the cause, `statusOf` tells what the engine answered; the signal's reason when aborted.
 */
export async function ask<T>(
  what: string,
  request: (signal: AbortSignal) => Promise<T>,
  options: CallOptions = {},
): Promise<T> {
  options.signal?.throwIfAborted();
  const limit = AbortSignal.timeout(options.limitMs ?? callLimitMs);
  const either = options.signal === undefined ? limit : AbortSignal.any([options.signal, limit]);
  try {
    return await unlessAborted(request(either), either);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw engineError(what, error);
  }
}

/** As `ask`, for an answer that goes on as a stream: the limit holds until it begins, and one that begins too late is closed. */
export async function askStream<T extends { destroy(): unknown }>(
  what: string,
  request: () => Promise<T>,
  options: CallOptions = {},
): Promise<T> {
  options.signal?.throwIfAborted();
  const opening = request();
  try {
    return await ask(what, () => opening, options);
  } catch (error) {
    opening.then(
      (stream) => stream.destroy(),
      () => undefined, // the error thrown here is the one that counts
    );
    throw error;
  }
}

/** The promise's outcome, or the signal's reason as soon as it is aborted. What the promise does later goes unheard. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** An error of the client as ours; one of ours stays what it is. */
export function engineError(what: string, error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const reason = error instanceof Error ? error.message.trim() : String(error);
  return new SlipwayError("engine-unavailable", `the Docker Engine failed to ${what}: ${reason}`, {
    cause: error,
  });
}

/** The HTTP status the engine answered with; null when it gave no answer. */
export function statusOf(error: unknown): number | null {
  const cause = error instanceof SlipwayError ? error.cause : error;
  if (typeof cause !== "object" || cause === null || !("statusCode" in cause)) return null;
  return typeof cause.statusCode === "number" ? cause.statusCode : null;
}
