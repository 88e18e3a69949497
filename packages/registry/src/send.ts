// Sends a request by Node.js's own HTTP client. That of fetch takes 23 MB for a moment, when it compiles its parser at the first
// responses, and more than twice the time for each request.

import { request as httpRequest } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { ByteStream } from "@slipway/core";

export interface OutgoingRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | ByteStream | undefined;
  /** Ends the request, and the reading of the response's body. */
  readonly signal: AbortSignal;
}

export function isStream(body: OutgoingRequest["body"]): body is ByteStream {
  return typeof body === "object" && Symbol.asyncIterator in body;
}

/**
 * Resolves when the response's headers arrive, of any status, also before a stream was sent completely. The caller reads the body or
 * destroys it. A redirect is a response.
 * @throws the failure of the connection; the stream's own error; the signal's reason.
 */
export async function send(
  url: URL,
  { method, headers, body, signal }: OutgoingRequest,
): Promise<IncomingMessage> {
  signal.throwIfAborted();
  const open = url.protocol === "https:" ? httpsRequest : httpRequest;
  const request = open(url, { method, headers, signal });
  const { promise: response, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  // It stays until the end: an error after the response is also one of the response, whose reader receives it.
  request.on("error", reject);
  request.once("close", () => reject(new Error("the connection was closed without a response")));
  request.once("response", resolve);
  if (isStream(body)) sendStream(request, body).catch((error: unknown) => request.destroy(error as Error));
  else request.end(body);
  try {
    return await response;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** Writes as fast as the server reads. Stops, and closes the stream, when the server has responded or the connection is closed. */
async function sendStream(request: ClientRequest, body: ByteStream): Promise<void> {
  let early: IncomingMessage | undefined;
  let wake = (): void => {};
  request.on("drain", () => wake());
  request.once("close", () => wake());
  request.once("response", (message) => {
    early = message;
    wake();
  });
  for await (const chunk of body) {
    if (early !== undefined || request.destroyed) break;
    const drained = new Promise<void>((resolve) => (wake = resolve));
    if (!request.write(chunk)) await drained;
  }
  if (request.destroyed) return;
  if (early === undefined) request.end();
  // The server did not want the rest, so the connection cannot be used for another request.
  else if (early.readableEnded) request.destroy();
  else early.once("close", () => request.destroy());
}
