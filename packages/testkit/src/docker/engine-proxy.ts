// A way to a Docker Engine on which a test refuses requests in the engine's place, and sees how it answers the others.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request as ask } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { engineAt } from "./engine-api.ts";

/** What the engine is made to answer. */
export interface EngineRefusal {
  readonly status: number;
  readonly message: string;
}

export interface EngineProxyOptions {
  /** @param asked method and path, `DELETE /networks/abc`. @returns nothing for what the engine is to answer itself. */
  readonly refuse?: (asked: string) => EngineRefusal | undefined;
  /** Runs after the engine has answered, and before its answer is passed on. */
  readonly onAnswer?: (asked: string, status: number) => Promise<void>;
}

export interface EngineProxy extends AsyncDisposable {
  readonly dockerHost: string;
}

/** Opens the way; connections that turn into streams of bytes do not pass it. */
export async function startEngineProxy(
  dockerHost: string,
  options: EngineProxyOptions,
): Promise<EngineProxy> {
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "slipway-engine-proxy-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const server = createServer((asked, response) => {
    pass(dockerHost, options, asked, response).catch((error: unknown) => response.destroy(error as Error));
  });
  const socket = join(folder, "socket");
  server.listen(socket);
  await once(server, "listening");
  opened.defer(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const owned = opened.move();
  return { dockerHost: `unix://${socket}`, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function pass(
  dockerHost: string,
  { refuse, onAnswer }: EngineProxyOptions,
  asked: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "GET", url: path = "/", headers } = asked;
  const what = `${method} ${path.replace(/^\/v[\d.]+\//, "/").replace(/\?.*$/, "")}`;
  const refusal = refuse?.(what);
  if (refusal !== undefined) {
    response.writeHead(refusal.status, { "content-type": "application/json" });
    response.end(JSON.stringify({ message: refusal.message }));
    return;
  }
  const further = ask({ ...engineAt(dockerHost), method, path, headers, agent: false });
  const [[answer]] = (await Promise.all([once(further, "response"), pipeline(asked, further)])) as [
    [IncomingMessage],
    unknown,
  ];
  await onAnswer?.(what, answer.statusCode ?? 0);
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  await pipeline(answer, response);
}
