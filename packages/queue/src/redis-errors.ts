// Converts failures of Redis into "queue-unavailable", so that a caller sees which service is down.

import { SlipwayError } from "@slipway/core";

/** @throws {SlipwayError} "queue-unavailable" for any failure that is not a SlipwayError already. */
export async function withQueueErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    throw new SlipwayError("queue-unavailable", "the queue cannot be reached", { cause: error });
  }
}

/** The log message of a queue connection's errors. The connection recovers by itself. */
export const connectionFailed = "the queue's connection failed";
