// How often an idle BullMQ worker looks for jobs.

import { mayFailOver } from "@slipway/bus";

/** Seconds. BullMQ's own limit for waiting for a delayed job. */
const shortest = 10;
const longest = 30;

/**
 * A new job wakes a worker at once. Only a job whose signal was lost is found by looking, for example because the worker that received
 * the signal died, so it is looked for within the lease of that worker. Each look costs Redis calls for each worker and queue.
 *
 * Until then a blocking call may also wait on a lost connection. TCP probes find one to a server that is gone, but not one to a frozen
 * server, which Sentinels or a cluster may have replaced: with them the interval is short.
 * @param leaseMs of the queue's jobs. Default: BullMQ's, 30 seconds.
 */
export function idleOptions(redisUrl: string, leaseMs = longest * 1_000): { readonly drainDelay: number } {
  const inLease = Math.min(longest, Math.max(shortest, leaseMs / 1_000));
  return { drainDelay: mayFailOver(redisUrl) ? shortest : inLease };
}
