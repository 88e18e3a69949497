// What a call to Redis is wrapped in, so that whoever asked for it learns which part of the platform is away.

import { SlipwayError } from "@slipway/core";

/** @throws {SlipwayError} "queue-unavailable" for anything that is not one of our errors already. */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    throw new SlipwayError("queue-unavailable", "the queue cannot be reached", { cause: error });
  }
}
