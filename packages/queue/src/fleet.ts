// The fleet: each worker announces itself in Redis with heartbeats, and any process can list all workers, including lost ones.

import { joinPresence, listMembers, openSubscriber, publish, workersChannel } from "@slipway/bus";
import { notFound } from "@slipway/core";
import type { Bus } from "@slipway/bus";
import { workerRecord } from "@slipway/protocol";
import type { RedisKeys, WorkerMessage, WorkerRecord } from "@slipway/protocol";
import { withQueueErrors } from "./redis-errors.ts";
import type { LaneTask } from "./lane-task.ts";

export interface FleetContext extends Bus {
  readonly onError: (error: unknown, message: string) => void;
}

export interface JoinContext extends FleetContext {
  /** Counts the users of the installation. Build slots are reserved for other owners only if there is more than one. */
  readonly countUsers: () => Promise<number>;
  /** Build slots in use. */
  readonly countBuilding?: () => number;
  /** Called when an operator drains the worker, or ends its draining. */
  readonly onDraining?: (isDraining: boolean) => void;
}

type ListedTask = Pick<LaneTask, "type" | "id" | "appId" | "attempt">;

/** A worker's membership in the fleet. Disposing it removes the worker from the list at once. */
export interface Membership extends AsyncDisposable {
  /** Lists the deployment, or the operation, as running on this worker until the work settles. */
  during<T>(task: ListedTask, work: () => Promise<T>): Promise<T>;
  /** Lists the worker as draining until it leaves the fleet. */
  drain(): void;
}

export interface FleetWorker extends Omit<WorkerRecord, "state"> {
  readonly state: "ready" | "draining" | "lost";
  /** By Redis's clock: the workers' own clocks may differ. */
  readonly lastSeenAt: Date;
}

/** A worker counts as lost after this many missed heartbeats, which is half of its lease. */
const beatsUntilLost = 3;
/** How long a lost worker remains listed. */
const forgetAfterMs = 60 * 60_000;

/** Adds the worker to the fleet. After an outage of Redis, or the loss of its data, the next heartbeat restores it. */
export function joinFleet(
  context: JoinContext,
  identity: Omit<WorkerRecord, "state" | "running" | "building">,
  now: () => Date,
): Membership {
  const { redis, keys, onError, countBuilding } = context;
  const running = runningTasks(now, () => presence.beat());
  let isLeaving = false;
  let isDraining = false;
  const capacity = capacityCount(context, identity);
  const applyRequest = async () => {
    const requested = await redis.get(keys.workerDraining(identity.id));
    // Redis may have lost the request; the worker keeps its state then.
    if (requested === null || isDraining === (requested === "1")) return;
    isDraining = requested === "1";
    capacity.expire();
    context.onDraining?.(isDraining);
    presence.beat();
  };
  const presence = joinPresence({
    redis,
    keys: presenceKeys(keys),
    id: identity.id,
    beatMs: identity.heartbeatMs,
    forgetAfterMs,
    record: () =>
      JSON.stringify({
        ...identity,
        state: isLeaving || isDraining ? "draining" : "ready",
        building: countBuilding?.(),
        running: running.list(),
      } satisfies WorkerRecord),
    async alongside(sent) {
      await Promise.all([capacity.update(sent), applyRequest()]);
    },
    onError: (error) => onError(error, "worker heartbeat failed"),
  });
  const requests = receiveRequests(context, identity.id, () => presence.beat());
  return {
    during: (task, work) => running.during(task, work),
    drain() {
      isLeaving = true;
      capacity.expire();
      presence.beat();
    },
    async [Symbol.asyncDispose]() {
      await requests[Symbol.asyncDispose]();
      await presence[Symbol.asyncDispose]();
    },
  };
}

/**
 * In each interval one worker counts the fleet's capacity. If all did, the cost would grow with the square of their number. A
 * worker whose own capacity has changed counts with its next heartbeat as well.
 */
function capacityCount(context: JoinContext, { id, heartbeatMs }: Pick<WorkerRecord, "id" | "heartbeatMs">) {
  const { redis, keys } = context;
  let hasOwnPart = false;
  const takesTurn = async () => (await redis.set(keys.fleetCounted, id, "PX", heartbeatMs, "NX")) !== null;
  return {
    /** Call it when the worker's own capacity has changed. */
    expire() {
      hasOwnPart = false;
    },
    /** @param sent resolves when the worker's own record is in Redis. */
    async update(sent: Promise<unknown>) {
      if (!hasOwnPart) hasOwnPart = true;
      else if (!(await takesTurn())) return;
      await sent;
      await storeCapacity(context, heartbeatMs * beatsUntilLost);
    },
  };
}

/** The deployments and operations that run on the worker. @param onChange called when one begins or ends. */
function runningTasks(now: () => Date, onChange: () => void) {
  const running = new Map<string, WorkerRecord["running"][number]>();
  return {
    list: () => [...running.values()],
    async during<T>(task: ListedTask, work: () => Promise<T>): Promise<T> {
      running.set(task.id, runOf(task, now()));
      onChange();
      try {
        return await work();
      } finally {
        running.delete(task.id);
        onChange();
      }
    },
  };
}

function runOf({ type, id, appId, attempt }: ListedTask, since: Date): WorkerRecord["running"][number] {
  const run = { appId, attempt, since: since.toISOString() };
  return type === "deploy" ? { deploymentId: id, ...run } : { operationId: id, ...run };
}

/** Receives requests to this worker without delay. Each heartbeat checks for them too. */
function receiveRequests(context: FleetContext, ownId: string, onRequest: () => void): AsyncDisposable {
  let hasLeft = false;
  const onError = (error: unknown) => {
    // Closing the connection rejects a subscription that is waiting for Redis.
    if (!hasLeft) context.onError(error, "requests to this worker arrive late");
  };
  const requests = openSubscriber(context, { onError });
  const onMessage = ({ workerId }: WorkerMessage) => {
    if (workerId === ownId) onRequest();
  };
  requests.add(workersChannel, onMessage).catch(onError);
  return {
    async [Symbol.asyncDispose]() {
      hasLeft = true;
      await requests[Symbol.asyncDispose]();
    },
  };
}

/**
 * Drains a worker, or ends its draining. The worker applies the request at once, or with a later heartbeat.
 * @returns the worker, in the requested state. @throws {SlipwayError} "not-found", "queue-unavailable".
 */
export async function setDraining(
  context: FleetContext,
  workerId: string,
  isDraining: boolean,
): Promise<FleetWorker> {
  const worker = (await listWorkers(context)).find(({ id }) => id === workerId);
  if (worker === undefined) throw notFound("worker");
  await withQueueErrors(async () => {
    const { redis, keys } = context;
    await redis.set(keys.workerDraining(workerId), isDraining ? "1" : "0", "PX", forgetAfterMs);
    await publish(context, workersChannel, { workerId });
  });
  return worker.state === "lost" ? worker : { ...worker, state: isDraining ? "draining" : "ready" };
}

/** Stores the fleet's number of build slots, and of users. Each advance of a lane reads it. */
async function storeCapacity(context: JoinContext, validMs: number): Promise<void> {
  const workers = await listWorkers(context);
  const slots = workers.filter(({ state }) => state === "ready").map(({ concurrency }) => concurrency);
  const capacity = slots.reduce((sum, count) => sum + count, 0);
  const { redis, keys } = context;
  const facts = { slots: capacity, users: await context.countUsers() };
  await redis.multi().hset(keys.fleetCapacity, facts).pexpire(keys.fleetCapacity, validMs).exec();
}

/** All workers by name, then by start time. @throws {SlipwayError} "queue-unavailable" when Redis does not respond. */
export async function listWorkers({ redis, keys, onError }: FleetContext): Promise<FleetWorker[]> {
  const { nowMs, members } = await withQueueErrors(() => listMembers(redis, presenceKeys(keys)));
  const workers: FleetWorker[] = [];
  for (const { id, record: text, seenAtMs } of members) {
    const record = workerRecord.safeParse(parseJson(text));
    if (!record.success) onError(record.error, `the record of worker ${id} is invalid`);
    else if (nowMs - seenAtMs < forgetAfterMs) workers.push(shown(record.data, seenAtMs, nowMs));
  }
  return workers.toSorted((a, b) => a.name.localeCompare(b.name) || a.startedAt.localeCompare(b.startedAt));
}

function presenceKeys({ workersSeen, workers }: RedisKeys) {
  return { seen: workersSeen, records: workers };
}

/** @returns undefined for text that is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function shown(record: WorkerRecord, lastSeenMs: number, nowMs: number): FleetWorker {
  const lost = nowMs - lastSeenMs > record.heartbeatMs * beatsUntilLost;
  return { ...record, state: lost ? "lost" : record.state, lastSeenAt: new Date(lastSeenMs) };
}
