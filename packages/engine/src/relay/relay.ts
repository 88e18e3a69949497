// A port of a sandbox's loopback interface whose connections are relayed to the worker over the connection to the engine, without
// opening a network. A small container runs the relay, and the sandbox shares its network.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Duplex, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { untilAborted } from "@slipway/async";
import { type Labels, type LoopbackServer, SlipwayError } from "@slipway/core";
import {
  callEngine,
  createDeframer,
  type DockerConnection,
  engineError,
  removeContainer,
} from "@slipway/docker";
import { relayConfig } from "../sandbox-config.ts";
import { createFrameReader } from "./frames.ts";
import { RelayedConnection, windowBytes } from "./relayed-connection.ts";

const script = readFileSync(join(import.meta.dirname, "relay.pl"), "utf8");

export interface Relay extends AsyncDisposable {
  /** Id of the container whose network the sandbox shares. */
  readonly containerId: string;
  /** Resolves once the port is open. @throws {SlipwayError} "engine-unavailable"; the reason of the start's signal. */
  opened(): Promise<void>;
}

export interface StartedRelay extends Relay {
  /** Answers all requests from now on. Call it before a sandbox shares the network. */
  serve(handle: LoopbackServer["handle"]): void;
  /** Whether the relay's program has not ended. */
  isRunning(): boolean;
}

export interface RelayOptions extends Pick<LoopbackServer, "port" | "image"> {
  readonly labels: Labels;
  readonly networkId: string;
  /** Whether the engine removes the container when its program ends. */
  readonly autoRemove: boolean;
}

/**
 * Resolves when the relay's container exists, so that the sandbox can be created and filled while the relay starts.
 * @throws {SlipwayError} "engine-unavailable", "registry-unavailable". It leaves nothing behind then.
 */
export async function startRelay(
  connection: DockerConnection,
  { port, ...options }: RelayOptions,
  signal: AbortSignal,
): Promise<StartedRelay> {
  const { docker, images } = connection;
  await images.ensure(options.image, signal);
  const command = ["perl", "-e", script, String(port), String(windowBytes)];
  const config = relayConfig({ ...options, command });
  await using owned = new AsyncDisposableStack();
  // Without the signal, because an aborted call could leave behind a container whose id is unknown.
  const { id } = await callEngine("create the build's relay", () => docker.createContainer(config));
  owned.defer(() => removeContainer(docker, id));
  signal.throwIfAborted();
  let handle: LoopbackServer["handle"] = () => Promise.reject(new Error("no sandbox uses the relay yet"));
  const starting = startedRelay(connection, id, (...request) => handle(...request), signal);
  let attached: Duplex | null | undefined;
  const ended = starting.then(
    (socket) => (attached = socket),
    () => (attached = null),
  );
  owned.defer(async () => void (await ended)?.destroy());
  const resources = owned.move();
  return {
    containerId: id,
    opened: async () => void (await starting),
    serve: (given) => void (handle = given),
    isRunning: () => attached !== null && attached?.readable !== false,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** @returns the connection to the relay, whose port is open. It is closed on failure. */
async function startedRelay(
  connection: DockerConnection,
  id: string,
  handle: LoopbackServer["handle"],
  signal: AbortSignal,
): Promise<Duplex> {
  const query = "stream=1&stdin=1&stdout=1";
  const attached = await connection.upgrade(`/containers/${id}/attach?${query}`, { upgrade: "tcp" }, signal);
  const server = createServer((request, response) => void answer(handle, request, response));
  // A build keeps idle connections open between its phases.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  const connections = readConnections(attached, (each) => server.emit("connection", each));
  try {
    const start = () => connection.docker.getContainer(id).start();
    await callEngine("start the build's relay", start, { signal });
    await untilAborted(connections.ready, signal);
    return attached;
  } catch (error) {
    attached.destroy();
    throw error;
  }
}

/** @returns `ready`, which resolves once the port is open, and rejects when the relay ends first. */
function readConnections(attached: Duplex, onConnection: (connection: Duplex) => void) {
  const ready = Promise.withResolvers<void>();
  const connections = new Map<number, RelayedConnection>();
  const send = (frame: Buffer): void => {
    if (!attached.destroyed) attached.write(frame);
  };
  const accept = (id: number): void => {
    const connection = new RelayedConnection(id, send);
    connections.set(id, connection);
    connection.once("close", () => connections.delete(id));
    // The connection's reader gets the error as well; without a listener it would end the process.
    connection.on("error", () => undefined);
    onConnection(connection);
  };
  const read = async (): Promise<void> => {
    const deframe = createDeframer(() => undefined);
    const frames = createFrameReader();
    for await (const chunk of attached)
      for (const frame of frames(deframe(chunk as Uint8Array))) {
        if (frame.kind === "r") ready.resolve();
        else if (frame.kind === "o") accept(frame.connection);
        else connections.get(frame.connection)?.receive(frame);
      }
  };
  const end = (error: unknown): void => {
    ready.reject(error);
    for (const connection of connections.values()) connection.destroy();
  };
  read().then(
    () =>
      end(new SlipwayError("engine-unavailable", "the build's relay ended: install perl in the stack image")),
    (error: unknown) => end(engineError("relay connections of the build", error)),
  );
  // The caller may end before it awaits the promise.
  ready.promise.catch(() => undefined);
  return { ready: ready.promise };
}

async function answer(
  handle: LoopbackServer["handle"],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const ended = new AbortController();
  response.once("close", () => ended.abort(new Error("the connection ended")));
  const { method = "GET", url: target = "/", headers } = request;
  const texts = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  try {
    const {
      status,
      headers: returned,
      body,
    } = await handle(
      { method, target, headers: Object.fromEntries(texts), body: hasBody ? request : null },
      ended.signal,
    );
    await using _body = body;
    response.writeHead(status, { ...returned });
    await pipeline(body === null ? [] : Readable.from(body), response);
  } catch {
    if (!response.headersSent) response.writeHead(502).end();
    else response.destroy();
  }
  // Unread bytes of a request would be parsed as the next request.
  if (!request.complete) request.destroy();
}
