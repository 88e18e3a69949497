// Calls to a Docker Engine. Every call ends with its response, at its time limit, or when the caller's signal aborts.

import { IncomingMessage } from "node:http";
import { withDeadline } from "@slipway/async";
import { SlipwayError } from "@slipway/core";
import { measured } from "@slipway/telemetry";
import type Docker from "dockerode";

const callLimitMs = 60_000;

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly limitMs?: number;
}

/**
 * Calls the engine.
 * @param action for the error's message, e.g. "create the build container"
 * @throws {SlipwayError} "engine-unavailable" with the cause, from which `statusOf` gets the HTTP status; the signal's reason
 * when aborted.
 */
export function callEngine<T>(
  action: string,
  request: (signal: AbortSignal) => Promise<T>,
  options: CallOptions = {},
): Promise<T> {
  const { signal, limitMs = callLimitMs } = options;
  const call = async () => {
    try {
      return await withDeadline(request, { limitMs, signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw engineError(action, error);
    }
  };
  return measured("engine", call, action);
}

/**
 * Like `callEngine`, for a response that is a stream. The limit applies until the stream opens; a stream that opens too late is
 * closed.
 */
export async function requestStream<T extends { destroy(): unknown }>(
  action: string,
  request: () => Promise<T>,
  options: CallOptions = {},
): Promise<T> {
  options.signal?.throwIfAborted();
  const opening = request();
  try {
    return await callEngine(action, () => opening, options);
  } catch (error) {
    opening.then(
      (stream) => stream.destroy(),
      () => undefined, // the caller receives the error below
    );
    throw error;
  }
}

interface StreamRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly query: Readonly<Record<string, string | boolean>>;
}

/**
 * Opens a response that dockerode's own methods would parse or read to its end. Resolves once the engine has sent the
 * headers.
 */
export function openResponse(
  docker: Docker,
  { method, path, query }: StreamRequest,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      {
        path: `${path}?`,
        method,
        options: { _query: query, _body: {} },
        isStream: true,
        statusCodes: {
          101: true,
          200: true,
          400: "bad parameter",
          404: "not found",
          500: "server error",
          503: "no swarm",
        },
      },
      (error, response) => (error === null ? resolve(responseOf(response)) : reject(error)),
    );
  });
}

/**
 * Narrows a dockerode stream to the response that it is when stdin is not attached, for its headers and its socket.
 * @throws {TypeError} when it is another stream.
 */
export function responseOf(stream: unknown): IncomingMessage {
  if (stream instanceof IncomingMessage) return stream;
  throw new TypeError("the Docker client returned no HTTP response");
}

/** Wraps an error of the client as "engine-unavailable"; returns a SlipwayError unchanged. */
export function engineError(action: string, error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const reason = error instanceof Error ? error.message.trim() : String(error);
  const message = `the Docker Engine failed to ${action}: ${reason}${adviceOn(reason)}`;
  return new SlipwayError("engine-unavailable", message, { cause: error });
}

/** Advice on errors of an engine's configuration, whose messages only name the affected parts. */
function adviceOn(reason: string): string {
  if (/seccomp/i.test(reason))
    return ". Containers with users' code have a seccomp profile: the engine's host needs a kernel with seccomp and libseccomp 2.4 or newer, and docker info must list seccomp as a security option";
  if (/unknown or invalid runtime name/i.test(reason))
    return '. BUILD_RUNTIME and APP_RUNTIME must be listed under "runtimes" in the daemon.json of the engine';
  return "";
}

/** The HTTP status of the engine's response; null if there was no response. */
export function statusOf(error: unknown): number | null {
  const cause = error instanceof SlipwayError ? error.cause : error;
  if (typeof cause !== "object" || cause === null || !("statusCode" in cause)) return null;
  return typeof cause.statusCode === "number" ? cause.statusCode : null;
}
