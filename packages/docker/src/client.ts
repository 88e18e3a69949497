// The one way to ask a Docker Engine: every call ends, by its answer, its limit or the caller's signal.

import { withDeadline } from "@slipway/async";
import { SlipwayError } from "@slipway/core";

const callLimitMs = 60_000;

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
  const { signal, limitMs = callLimitMs } = options;
  try {
    return await withDeadline(request, { limitMs, signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw engineError(what, error);
  }
}

/** As `ask`, for an answer that goes on as a stream: the limit holds until it begins, and one that begins too late is closed. */
export async function requestStream<T extends { destroy(): unknown }>(
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
