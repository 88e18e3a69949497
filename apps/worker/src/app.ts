// The worker's composition root: opens the dependencies, starts taking jobs, and stops in the reverse order.

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Deployment } from "@slipway/core";
import { contain } from "@slipway/async";
import { abandonDeployment } from "@slipway/deployments";
import {
  ItemFailed,
  joinFleet,
  openLanes,
  openNotifications,
  startHousekeepingWorker,
  startLaneWorker,
  startMaintenance,
  startNotificationWorker,
} from "@slipway/queue";
import type {
  Lanes,
  LaneTask,
  LaneWorker,
  LaneWorkerOptions,
  Membership,
  Notifications,
} from "@slipway/queue";
import type { Logger, Service } from "@slipway/service";
import { metricsOptions, openMetrics, openTraces, traceOptions } from "@slipway/telemetry";
import manifest from "../package.json" with { type: "json" };
import { defaultDockerHost } from "./config/engines.ts";
import type { WorkerConfig } from "./config.ts";
import { logAttempt, logEnd } from "./deployments/attempt-log.ts";
import { defaultConcurrency } from "./deployments/concurrency.ts";
import { deploy } from "./deployments/deploy.ts";
import { deploymentPorts } from "./deployments/deployment-ports.ts";
import { retryingStore } from "./deployments/retrying-store.ts";
import { logDiskLimits } from "./disk-limits.ts";
import { warnOfUnlimitedSteps } from "./unlimited-steps.ts";
import { observeEngines } from "./housekeeping/engine-metrics.ts";
import { runHousekeeping } from "./housekeeping/housekeeping.ts";
import { runMaintenance } from "./housekeeping/maintenance.ts";
import { startSweeps, sweepSandboxes } from "./housekeeping/sweep.ts";
import { Announcer } from "./notifications/announce.ts";
import { deliver } from "./notifications/deliver.ts";
import { guardEgress } from "./egress/guard-egress.ts";
import { endAbandonedOperation, operate } from "./operations/operate.ts";
import { engineConnections, openWorkerContext } from "./worker-context.ts";
import type { WorkerContext } from "./worker-context.ts";

/** A sweep queries the engine and the store: once a minute with the defaults. */
const sweepEveryReconciles = 12;
/** An observation queries the engine several times for each app. */
const observeEveryReconciles = 3;
/** Each count starts a container on the engine, so files are counted rarely. */
const limitFilesEveryReconciles = 12;
/** A worker without heartbeats is listed as lost long before its lease ends. */
const heartbeatsPerLease = 6;
/** Time limit of the egress guard, including a pull of the stack. */
const guardLimitMs = 600_000;

/** The options of every queue. */
type QueueOptions = Pick<LaneWorkerOptions, "redisUrl" | "keys" | "onError">;
type Work = LaneWorkerOptions["work"];

interface Queues {
  readonly options: QueueOptions;
  readonly lanes: Lanes;
  readonly notifications: Notifications;
}

/** Starts a worker. @throws {SlipwayError} when a service that it needs does not respond. */
export async function startWorker(config: WorkerConfig, logger: Logger): Promise<Service> {
  await using opened = new AsyncDisposableStack();
  opened.use(await openMetrics(metricsOptions(config, "worker", logger)));
  opened.use(await openTraces(traceOptions(config, "worker", logger)));
  const context = await openWorkerContext(config, logger, opened);
  const queues = openQueues(context, opened);
  await pingAll(context);
  // Stores the public key before the first receipt, and reports a missing file at the start.
  await context.receiptKey();
  const guard = opened.use(
    await guardEgress({ ...context, engines: engineConnections(config) }, AbortSignal.timeout(guardLimitMs)),
  );
  opened.use(observeEngines({ ...context, engines: engineConnections(config) }));
  await logDiskLimits(context);
  await warnOfUnlimitedSteps(context);
  await sweepSandboxes(context);
  const load = await loadOf(context);
  const lanes: { worker?: LaneWorker } = {};
  const fleet = opened.use(join(context, queues.options, load, lanes));
  const work = laneWork(context, fleet);
  const stopMaintenance = await startPeriodicJobs(context, queues, work);
  const laneWorker = await startLanes(context, queues, load, work);
  lanes.worker = laneWorker;
  const stopNotifications = startNotificationWorker({
    ...queues.options,
    run: (job, attempt) => deliver(context, job, attempt),
  });
  const stopHousekeeping = startHousekeepingJobs(context, queues.options);
  const sweeps = startSweeps({ ...context, egress: guard }, config.timing.reconcileMs * sweepEveryReconciles);
  const resources = opened.move();
  return {
    async drain() {
      fleet.drain();
      await laneWorker.setDraining(true);
      await laneWorker.idle();
    },
    async stop({ graceMs }) {
      sweeps[Symbol.dispose]();
      fleet.drain();
      // Housekeeping stops last: the last deployments request stops of the rollouts that they replace.
      const stopLanes = async () => {
        await laneWorker.stop({ graceMs });
        await stopHousekeeping();
      };
      await Promise.all([stopLanes(), stopMaintenance(), stopNotifications()]);
      await resources.disposeAsync();
    },
  };
}

function openQueues({ config, keys, store, logger }: WorkerContext, opened: AsyncDisposableStack): Queues {
  const onError = (error: unknown, message: string) => logger.warn({ err: error }, message);
  const options = { redisUrl: config.redisUrl, keys, onError };
  const { apps, deployments, operations } = store;
  const { slotsPerOwner: ownerSlots, reservedSlots } = config.limits;
  return {
    options,
    lanes: opened.use(openLanes({ ...options, apps, deployments, operations, ownerSlots, reservedSlots })),
    notifications: opened.use(openNotifications(options)),
  };
}

async function pingAll({ engine, registry, store, redis }: WorkerContext): Promise<void> {
  await Promise.all([engine.ping(), registry.ping(), store.ping(), redis.ping()]);
}

/** The worker's concurrency, and the engine that it builds on. */
async function loadOf({ config, engine }: WorkerContext) {
  const capacity = await engine.capacity();
  return {
    concurrency: config.concurrency.builds ?? defaultConcurrency(capacity, config),
    operationConcurrency: config.concurrency.operations,
    engine: { address: config.engine.dockerHost ?? defaultDockerHost, ...capacity },
  };
}

function join(
  { config, redis, keys, store, now }: WorkerContext,
  { onError }: QueueOptions,
  load: Awaited<ReturnType<typeof loadOf>>,
  lanes: { readonly worker?: LaneWorker },
): Membership {
  const identity = {
    id: randomUUID(),
    name: config.log.name,
    host: hostname(),
    pid: process.pid,
    version: manifest.version,
    startedAt: now().toISOString(),
    heartbeatMs: Math.ceil(config.timing.leaseMs / heartbeatsPerLease),
  };
  const countUsers = async () => (await store.users.list({ page: 1, perPage: 1 })).totalCount;
  const countBuilding = () => lanes.worker?.usedBuildSlots ?? 0;
  const onDraining = contain(
    (isDraining: boolean) => lanes.worker?.setDraining(isDraining),
    (error) => onError(error, "cannot drain this worker"),
  );
  const handlers = { countUsers, countBuilding, onDraining };
  return joinFleet({ redis, keys, onError, ...handlers }, { ...identity, ...load }, now);
}

function startLanes(
  { config }: WorkerContext,
  { options, lanes }: Queues,
  { concurrency, operationConcurrency }: Awaited<ReturnType<typeof loadOf>>,
  work: Work,
): Promise<LaneWorker> {
  return startLaneWorker({
    ...options,
    concurrency,
    startConcurrency: config.concurrency.starts,
    operationConcurrency,
    lanes,
    name: config.log.name,
    leaseMs: config.timing.leaseMs,
    work,
  });
}

/** Lists each attempt in the fleet, logs it, and retries its calls of the store until it is aborted. */
function laneWork(context: WorkerContext, fleet: Membership): Work {
  const { logger, store } = context;
  const run =
    <Result>(
      attempt: (attemptContext: WorkerContext, task: LaneTask, signal: AbortSignal) => Promise<Result>,
    ) =>
    (task: LaneTask, signal: AbortSignal): Promise<Result> =>
      fleet.during(task, () =>
        logAttempt({ logger, store }, task, () =>
          attempt({ ...context, store: retryingStore(store, signal) }, task, signal),
        ),
      );
  return {
    deploy: {
      run: async (task, signal) => failItem(await run(deploy)(task, signal)),
      exhaust: async (id, error) =>
        logEnd({ logger, store }, await abandonDeployment(deploymentPorts(context), id, error)),
    },
    operate: {
      run: run(operate),
      exhaust: async (id, error) =>
        logEnd({ logger, store }, await endAbandonedOperation(context, id, error)),
    },
  };
}

/** Marks the job as failed when its deployment ended with an error. @throws {ItemFailed} */
function failItem(ended: Deployment | null): void {
  if (ended !== null && ended.failure !== null)
    throw new ItemFailed(`${ended.status}: ${ended.failure.code}`);
}

function startPeriodicJobs(
  context: WorkerContext,
  { options, lanes, notifications }: Queues,
  work: Work,
): Promise<() => Promise<void>> {
  const { config, store, redis, now } = context;
  const { reconcileMs } = config.timing;
  const announcer = new Announcer({ store, now }, notifications);
  const maintained = { ...context, lanes, work, announcer, onError: options.onError };
  return startMaintenance({
    ...options,
    redis,
    name: config.log.name,
    everyMs: {
      reconcile: reconcileMs,
      "observe-apps": reconcileMs * observeEveryReconciles,
      "limit-files": reconcileMs * limitFilesEveryReconciles,
      "sweep-rollouts": reconcileMs * sweepEveryReconciles,
    },
    run: (job) => runMaintenance(maintained, job),
  });
}

function startHousekeepingJobs(context: WorkerContext, options: QueueOptions): () => Promise<void> {
  const { leaseMs, stopGraceMs } = context.config.timing;
  return startHousekeepingWorker({
    ...options,
    leaseMs,
    // After this time the engine has ended the processes that were being stopped, so none of them gets a second SIGTERM.
    resumeAfterMs: stopGraceMs,
    run: (job, signal) => runHousekeeping(context, job, signal),
  });
}
