// Converts Redis failures into "queue-unavailable", so that a caller knows which service is down.

import { isRedisFailure } from "@slipway/bus";
import { SlipwayError } from "@slipway/core";

/** @throws {SlipwayError} "queue-unavailable" if Redis does not respond, or refuses; any other error is rethrown unchanged. */
export async function withQueueErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isRedisFailure(error)) throw error;
    throw new SlipwayError("queue-unavailable", "the queue cannot be reached", { cause: error });
  }
}

/** The log message of a queue connection's errors. The connection recovers by itself. */
export const connectionFailed = "the queue's connection failed";
