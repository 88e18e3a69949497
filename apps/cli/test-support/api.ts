// A server in the place of the API, for responses and failures that a test chooses.

import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

/** Starts a server for the running test. @param respond gets every request. @returns its URL. */
export async function startServer(
  respond: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(respond);
  server.listen(0, "127.0.0.1");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Like `startServer`, but it exchanges every API token for a JWT. @param respond gets every other request. */
export function startApi(
  respond: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  return startServer((request, response) => {
    if (request.url === "/v1/tokens/exchange") sendJson(response, 200, { token: "jwt" });
    else respond(request, response);
  });
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
