// Who works: each worker tells of itself in Redis and gives signs of life; whoever asks learns of all, lost ones included.

import type { Redis } from "ioredis";
import { withDeadline } from "@slipway/async";
import { workerRecord } from "@slipway/protocol";
import type { RedisKeys, WorkerRecord } from "@slipway/protocol";
import { withQueueErrors } from "./redis-errors.ts";
import type { DeployTask, OperateTask } from "./deploy-worker.ts";

export interface FleetContext {
  readonly redis: Redis;
  readonly keys: RedisKeys;
  readonly onError: (error: unknown, message: string) => void;
}

type ShownTask =
  | Pick<DeployTask, "deploymentId" | "appId" | "attempt">
  | Pick<OperateTask, "operationId" | "appId" | "attempt">;

/** A worker's place among the others. Disposing it takes the worker off the list: it is not lost, it left. */
export interface Membership extends AsyncDisposable {
  /** Shows the deployment, or the operation, as one this worker runs, as long as the work takes. */
  during<T>(task: ShownTask, work: () => Promise<T>): Promise<T>;
  /** From now on the worker is shown as one that takes no more. */
  drain(): void;
}

export interface FleetWorker extends Omit<WorkerRecord, "state"> {
  readonly state: "ready" | "draining" | "lost";
  /** By the clock of Redis, as is what counts as lost: the workers' own clocks may differ. */
  readonly lastSeenAt: Date;
}

/** Silent for this many heartbeats, a worker counts as lost. */
const beatsUntilLost = 5;
/** A worker that does not come back is shown for this long. */
const forgottenAfterMs = 60 * 60_000;
/** How long leaving may take: a Redis that is away must not keep a worker from its end. */
const leaveBoundMs = 2_000;

/** KEYS told, seen; ARGV worker id, record, forgottenAfterMs. */
const beatScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], now, ARGV[1])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. now - ARGV[3])) do
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end`;

/** KEYS told, seen. Answers the time in milliseconds, the records by worker id, and when each was told by worker id. */
const listScript = `
local time = redis.call('TIME')
return { time[1] * 1000 + math.floor(time[2] / 1000), redis.call('HGETALL', KEYS[1]),
  redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES') }`;

/** Puts the worker on the list; a Redis that is away, or lost all, has it there again with the next heartbeat. */
export function joinFleet(
  { redis, keys, onError }: FleetContext,
  identity: Omit<WorkerRecord, "state" | "running">,
  now: () => Date,
): Membership {
  const running = new Map<string, WorkerRecord["running"][number]>();
  let state: WorkerRecord["state"] = "ready";
  let beating: Promise<void> | undefined;
  let changed = false;

  async function beat(): Promise<void> {
    do {
      changed = false;
      const record: WorkerRecord = { ...identity, state, running: [...running.values()] };
      const values = [identity.id, JSON.stringify(record), forgottenAfterMs];
      await redis.eval(beatScript, 2, keys.workers, keys.workersSeen, ...values);
    } while (changed);
  }

  /** One at a time: while Redis is away they must not pile up. */
  function tell(): void {
    changed = true;
    beating ??= beat()
      .catch((error: unknown) => onError(error, "cannot tell that this worker lives"))
      .finally(() => (beating = undefined));
  }

  async function leave(): Promise<void> {
    await beating;
    await redis.multi().hdel(keys.workers, identity.id).zrem(keys.workersSeen, identity.id).exec();
  }

  tell();
  const timer = setInterval(tell, identity.heartbeatMs);
  return {
    async during(task, work) {
      const run = { appId: task.appId, attempt: task.attempt, since: now().toISOString() };
      const id = "deploymentId" in task ? task.deploymentId : task.operationId;
      running.set(id, "deploymentId" in task ? { deploymentId: id, ...run } : { operationId: id, ...run });
      tell();
      try {
        return await work();
      } finally {
        running.delete(id);
        tell();
      }
    },
    drain() {
      state = "draining";
      tell();
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await withDeadline(leave(), { limitMs: leaveBoundMs }).catch((error: unknown) =>
        onError(error, "cannot leave the fleet"),
      );
    },
  };
}

/** By name, then by when they started. @throws {SlipwayError} "queue-unavailable" when Redis does not answer. */
export async function listWorkers({ redis, keys, onError }: FleetContext): Promise<FleetWorker[]> {
  const [nowMs, told, seen] = (await withQueueErrors(() =>
    redis.eval(listScript, 2, keys.workers, keys.workersSeen),
  )) as [number, string[], string[]];
  const seenMs = new Map(pairs(seen).map(([id, score]) => [id, Number(score)]));
  const workers: FleetWorker[] = [];
  for (const [id, text] of pairs(told)) {
    const record = workerRecord.safeParse(JSON.parse(text));
    const lastSeenMs = seenMs.get(id) ?? 0;
    if (!record.success) onError(record.error, `what worker ${id} tells of itself is not readable`);
    else if (nowMs - lastSeenMs < forgottenAfterMs) workers.push(shown(record.data, lastSeenMs, nowMs));
  }
  return workers.toSorted((a, b) => a.name.localeCompare(b.name) || a.startedAt.localeCompare(b.startedAt));
}

function shown(record: WorkerRecord, lastSeenMs: number, nowMs: number): FleetWorker {
  const lost = nowMs - lastSeenMs > record.heartbeatMs * beatsUntilLost;
  return { ...record, state: lost ? "lost" : record.state, lastSeenAt: new Date(lastSeenMs) };
}

/** Redis answers maps as one flat list. */
function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at] ?? "", flat[2 * at + 1] ?? ""]);
}
