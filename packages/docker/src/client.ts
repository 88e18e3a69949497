// Calls to a Docker Engine. Every call ends with its response, at its time limit, or when the caller's signal aborts.

import { withDeadline } from "@slipway/async";
import { SlipwayError } from "@slipway/core";

const callLimitMs = 60_000;

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly limitMs?: number;
}

/**
 * Calls the engine.
 * @param action for the error's message, e.g. "create the build container"
 * @throws {SlipwayError} "engine-unavailable" with the cause, of which `statusOf` returns the HTTP status; the signal's reason
 * when aborted.
 */
export async function ask<T>(
  action: string,
  request: (signal: AbortSignal) => Promise<T>,
  options: CallOptions = {},
): Promise<T> {
  const { signal, limitMs = callLimitMs } = options;
  try {
    return await withDeadline(request, { limitMs, signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw engineError(action, error);
  }
}

/** Like `ask`, for a response that is a stream. The limit applies until the stream opens; one that opens too late is closed. */
export async function requestStream<T extends { destroy(): unknown }>(
  action: string,
  request: () => Promise<T>,
  options: CallOptions = {},
): Promise<T> {
  options.signal?.throwIfAborted();
  const opening = request();
  try {
    return await ask(action, () => opening, options);
  } catch (error) {
    opening.then(
      (stream) => stream.destroy(),
      () => undefined, // the caller receives the error below
    );
    throw error;
  }
}

/** Wraps an error of the client as "engine-unavailable"; returns a SlipwayError unchanged. */
export function engineError(action: string, error: unknown): SlipwayError {
  if (error instanceof SlipwayError) return error;
  const reason = error instanceof Error ? error.message.trim() : String(error);
  return new SlipwayError("engine-unavailable", `the Docker Engine failed to ${action}: ${reason}`, {
    cause: error,
  });
}

/** The HTTP status of the engine's response; null if there was no response. */
export function statusOf(error: unknown): number | null {
  const cause = error instanceof SlipwayError ? error.cause : error;
  if (typeof cause !== "object" || cause === null || !("statusCode" in cause)) return null;
  return typeof cause.statusCode === "number" ? cause.statusCode : null;
}
