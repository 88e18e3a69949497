// Converts Redis failures into "queue-unavailable", so that a caller knows which service is down.

import { DeadlineError, withDeadline } from "@slipway/async";
import { isRedisFailure } from "@slipway/bus";
import { SlipwayError } from "@slipway/core";

/**
 * @param limitMs milliseconds after which the call fails. Work that waits for a frozen Redis continues after that, and its result is ignored.
 * @throws {SlipwayError} "queue-unavailable" if Redis does not respond, or refuses; any other error is rethrown unchanged.
 */
export async function withQueueErrors<T>(work: () => Promise<T>, limitMs?: number): Promise<T> {
  try {
    return await (limitMs === undefined ? work() : withDeadline(work, { limitMs }));
  } catch (error) {
    if (!isRedisFailure(error) && !(error instanceof DeadlineError)) throw error;
    throw new SlipwayError("queue-unavailable", "the queue cannot be reached", { cause: error });
  }
}

/** The log message of a queue connection's errors. The connection recovers by itself. */
export const connectionFailed = "the queue's connection failed";
