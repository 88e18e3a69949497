// The history of the queue for the plots of the console: one sample per minute, kept in Redis for two days. Each minute one API process
// gets a lease and takes the sample.

import type { RedisConnection } from "@slipway/bus";
import { contain } from "@slipway/async";
import { durationSeconds } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import { queueSample } from "@slipway/protocol";
import type { QueueSample, RedisKeys } from "@slipway/protocol";
import { withQueueErrors } from "@slipway/queue";
import { recentlyEnded } from "../deployments/wait-estimate.ts";
import type { MeanSecondsContext } from "../deployments/wait-estimate.ts";
import { queueState } from "./queue-state.ts";
import type { QueueState, QueueStateContext } from "./queue-state.ts";

export interface QueueHistoryContext {
  readonly redis: RedisConnection;
  readonly keys: Pick<RedisKeys, "queueHistory" | "queueHistoryLease">;
  readonly now: () => Date;
}

const minuteMs = 60_000;
/** Shorter than the interval, so that the last lease has expired when its holder's timer fires. */
const leaseMs = 50_000;
/** The maximum time that a client can request. */
const keptMs = 48 * 60 * minuteMs;

type SampleContext = QueueHistoryContext & QueueStateContext & MeanSecondsContext;

/** Takes a sample each minute, until the result is disposed. @param onError receives the error when a sample could not be taken. */
export function recordQueueHistory(context: SampleContext, onError: (error: unknown) => void): Disposable {
  const take = contain(() => takeSample(context), onError);
  const timer = setInterval(take, minuteMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Stores a sample, unless another process has the lease. @throws {SlipwayError} "store-unavailable" or "queue-unavailable"; an error of Redis. */
export async function takeSample(context: SampleContext): Promise<void> {
  const { redis, keys, now } = context;
  if ((await redis.set(keys.queueHistoryLease, "taken", "PX", leaseMs, "NX")) === null) return;
  const at = now();
  const [state, recent] = await Promise.all([queueState(context, 1), recentlyEnded(context)]);
  const sample = sampleOf(state, recent, at);
  const results = await redis
    .multi()
    .zadd(keys.queueHistory, at.getTime(), JSON.stringify(sample))
    .zremrangebyscore(keys.queueHistory, "-inf", at.getTime() - keptMs)
    .pexpire(keys.queueHistory, keptMs)
    .exec();
  for (const [error] of results ?? []) if (error !== null) throw error;
}

/** The samples of the last hours, oldest first. @throws {SlipwayError} "queue-unavailable" when Redis does not answer. */
export async function readQueueHistory(
  { redis, keys, now }: QueueHistoryContext,
  hours: number,
): Promise<QueueSample[]> {
  const from = now().getTime() - hours * 60 * minuteMs;
  const stored = await withQueueErrors(() => redis.zrangebyscore(keys.queueHistory, from, "+inf"));
  return stored.map((text) => queueSample.parse(JSON.parse(text)));
}

function sampleOf(
  { waiting, queued, running, slots }: QueueState,
  recent: readonly Deployment[],
  at: Date,
): QueueSample {
  const since = at.getTime() - minuteMs;
  const ended = recent.filter(({ finishedAt }) => finishedAt !== null && finishedAt.getTime() > since);
  const ran = ended.filter(({ startedAt }) => startedAt !== null);
  return {
    at: at.toISOString(),
    waiting,
    running: running.length,
    oldest_waiting_seconds: secondsBetween(queued[0]?.createdAt ?? at, at),
    slots: { used: slots.used, total: slots.total },
    ended: ended.length,
    failed: ended.filter(({ status }) => status !== "success" && status !== "aborted").length,
    mean_wait_seconds: mean(ran.map(waitSeconds)),
    mean_duration_seconds: mean(ran.map(durationSeconds)),
  };
}

function waitSeconds({ createdAt, startedAt }: Deployment): number {
  return secondsBetween(createdAt, startedAt ?? createdAt);
}

function secondsBetween(from: Date, to: Date): number {
  return Math.max(0, (to.getTime() - from.getTime()) / 1e3);
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
