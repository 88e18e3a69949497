// How many jobs of one owner wait for a worker, counted without a look at anybody else's.

import type { Redis } from "ioredis";
import type { RedisKeys } from "@slipway/protocol";

export interface OwnerSlots {
  /** Notes a job that was just added. */
  take(ownerId: string, jobId: string): Promise<void>;
  /** Jobs that are neither with a worker nor waiting for another attempt: the store counts those as running. */
  countWaiting(ownerId: string): Promise<number>;
}

/**
 * KEYS the owner's jobs, prioritized, wait; ARGV the prefix of jobs' keys. Forgets jobs that have ended, or are gone. The set has
 * as many members as the owner has slots, or little more, however long the queue is.
 */
const countScript = `
local waiting = 0
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if redis.call('ZSCORE', KEYS[2], id) or redis.call('LPOS', KEYS[3], id) then
    waiting = waiting + 1
  else
    local made, ended = unpack(redis.call('HMGET', ARGV[1] .. id, 'timestamp', 'finishedOn'))
    if not made or ended then redis.call('SREM', KEYS[1], id) end
  end
end
return waiting`;

/** @param jobsPrefix of the keys that BullMQ keeps the deployments' jobs under. */
export function ownerSlotsOf(redis: Redis, keys: RedisKeys, jobsPrefix: string): OwnerSlots {
  const lists = [`${jobsPrefix}prioritized`, `${jobsPrefix}wait`];
  return {
    async take(ownerId, jobId) {
      await redis.sadd(keys.ownerJobs(ownerId), jobId);
    },
    async countWaiting(ownerId) {
      const read = [keys.ownerJobs(ownerId), ...lists];
      return Number(await redis.eval(countScript, read.length, ...read, jobsPrefix));
    },
  };
}
