// One exchange over a keep-alive connection: a request without a body to the app, and the app's response to the client.

import type { IncomingMessage, ServerResponse } from "node:http";
import { errors } from "undici";
import type { Client, Dispatcher } from "undici";
import { endToEndHeaders } from "./headers.ts";
import { markFromApp } from "./request-metrics.ts";

export interface ExchangeOptions {
  readonly client: Client;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** How long the app may send nothing. Waiting for a slow client does not count. */
  readonly timeoutMs: number;
  /** Receives a function that ends the exchange, before anything is sent. */
  readonly onStart: (end: (reason: Error) => void) => void;
  /** Receives the error of a response that Node refuses to send, e.g. with an invalid status. */
  readonly onInvalidResponse: (error: unknown) => void;
}

/** Up to this size a body is joined with its head in one write. Copying more takes longer than a second buffer. */
const joinedBytes = 16 * 1024;

/**
 * Resolves when the app's response is complete. The client may still be receiving the response, for which the app is no longer needed.
 * @throws Error if the exchange fails, or the client disconnects earlier; `isHeadersTimeout`, `isUnexpectedContinue` and `isConnectError`
 * distinguish the reasons.
 */
export function exchange(options: ExchangeOptions): Promise<void> {
  const { client, request, timeoutMs } = options;
  const handler = new Exchange(options);
  client.dispatch(
    {
      path: request.url ?? "/",
      method: request.method as Dispatcher.HttpMethod,
      headers: request.headers,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    },
    handler,
  );
  return handler.done;
}

/** Whether the app did not begin its response within the time limit. */
export function isHeadersTimeout(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === "UND_ERR_HEADERS_TIMEOUT";
}

/** Whether the app sent `100 Continue`, for which undici closes the connection: the request has no body to continue with. */
export function isUnexpectedContinue(error: unknown): boolean {
  return error instanceof errors.SocketError && error.message === "bad response";
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  readonly #done = Promise.withResolvers<void>();
  #controller: Dispatcher.DispatchController | null = null;
  /** The number of bytes of the body that are missing; null when the app did not announce the body's length. */
  #missingBytes: number | null = null;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    options.response.once("close", this.#closed);
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#options.onStart((reason) => controller.abort(reason));
    if (this.#options.response.destroyed) controller.abort(disconnected());
  }

  onResponseStart(controller: Dispatcher.DispatchController, statusCode: number): void {
    if (statusCode < 200) return;
    const { response, onInvalidResponse } = this.#options;
    const rawHeaders = (controller.rawHeaders as readonly Buffer[]).map((bytes) => bytes.toString("latin1"));
    this.#missingBytes = lengthOf(rawHeaders);
    try {
      response.writeHead(statusCode, endToEndHeaders(rawHeaders));
      markFromApp(response);
    } catch (error) {
      onInvalidResponse(error);
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { response } = this.#options;
    if (this.#missingBytes !== null) this.#missingBytes -= chunk.length;
    if (this.#missingBytes === 0) {
      // As a string with one byte per character, which Node joins with the head.
      if (chunk.length <= joinedBytes) response.end(chunk.toString("latin1"), "latin1");
      else response.end(chunk);
    } else if (!response.write(chunk)) {
      controller.pause();
      response.once("drain", () => controller.resume());
    }
  }

  onResponseEnd(): void {
    const { response } = this.#options;
    response.off("close", this.#closed);
    if (!response.writableEnded) response.end();
    this.#done.resolve();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#options.response.off("close", this.#closed);
    this.#done.reject(error);
  }

  readonly #closed = (): void => this.#controller?.abort(disconnected());
}

function lengthOf(rawHeaders: readonly string[]): number | null {
  for (let index = 0; index < rawHeaders.length; index += 2)
    if (
      rawHeaders[index]?.length === "content-length".length &&
      /^content-length$/i.test(rawHeaders[index] ?? "")
    )
      return Number(rawHeaders[index + 1]);
  return null;
}

function disconnected(): Error {
  return new Error("the client has disconnected");
}
