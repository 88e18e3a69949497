// A proxy of a Docker Engine that refuses requests selected by a test, and reports the engine's responses to the others.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request as sendRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { cutServer } from "../cut-server.ts";
import { engineAt } from "./engine-api.ts";

const maxUrlBytes = 1024 ** 2;

/** The response that the proxy sends instead of the engine's. */
export interface EngineRefusal {
  readonly status: number;
  readonly message: string;
}

export interface EngineProxyOptions {
  /** @param request method and path, `DELETE /networks/abc`. @returns undefined to forward the request. */
  readonly refuse?: (request: string) => EngineRefusal | undefined;
  /** Runs after the engine has responded, and before its response is forwarded. */
  readonly onAnswer?: (request: string, status: number) => Promise<void>;
}

export interface EngineProxy extends AsyncDisposable {
  readonly dockerHost: string;
}

/** Starts the proxy. Connections that are upgraded to byte streams are forwarded unchanged. */
export async function startEngineProxy(
  dockerHost: string,
  options: EngineProxyOptions,
): Promise<EngineProxy> {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "slipway-engine-proxy-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  // The client repeats the body of a request in its URL.
  const server = createServer({ maxHeaderSize: maxUrlBytes }, (incoming, response) => {
    pass(dockerHost, options, incoming, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.on("upgrade", (incoming, stream, head) => passUpgrade(dockerHost, incoming, stream, head));
  const socket = join(folder, "socket");
  server.listen(socket);
  await once(server, "listening");
  opened.defer(() => cutServer(server));
  const owned = opened.move();
  return { dockerHost: `unix://${socket}`, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function pass(
  dockerHost: string,
  { refuse, onAnswer }: EngineProxyOptions,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "GET", url: path = "/", headers } = incoming;
  const what = `${method} ${path.replace(/^\/v[\d.]+\//, "/").replace(/\?.*$/, "")}`;
  const refusal = refuse?.(what);
  if (refusal !== undefined) {
    response.writeHead(refusal.status, { "content-type": "application/json" });
    response.end(JSON.stringify({ message: refusal.message }));
    return;
  }
  // Sent in one piece, because an engine may respond and close the connection before it has read the end of a body that arrives in parts.
  const body = await buffer(incoming);
  const further = sendRequest({ ...engineAt(dockerHost), method, path, headers, agent: false });
  further.end(body);
  const [answer] = (await once(further, "response")) as [IncomingMessage];
  await onAnswer?.(what, answer.statusCode ?? 0);
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  // A stream, such as a container's output, may have no data for a long time.
  response.flushHeaders();
  await pipeline(answer, response);
}

/** The engine's response is read from the stream by the client of the proxy. */
function passUpgrade(dockerHost: string, incoming: IncomingMessage, client: Duplex, head: Buffer): void {
  const address = engineAt(dockerHost);
  const engine =
    "socketPath" in address
      ? connect(address.socketPath)
      : connect({ host: address.host, port: Number(address.port) });
  const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
  for (let index = 0; index < incoming.rawHeaders.length; index += 2)
    lines.push(`${incoming.rawHeaders[index]}: ${incoming.rawHeaders[index + 1]}`);
  engine.write(`${lines.join("\r\n")}\r\n\r\n`);
  engine.write(head);
  // Either end may close first, also with an error; the other is closed then.
  pipeline(client, engine, client).catch(() => undefined);
}
