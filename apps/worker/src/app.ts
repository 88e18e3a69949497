// The worker's composition root: opens the adapters, starts taking deployments, and stops in the reverse order.

import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { Redis } from "ioredis";
import { abandonDeployment } from "@slipway/deployments";
import { openEngine } from "@slipway/engine";
import { redisKeys } from "@slipway/protocol";
import type { MaintenanceJob } from "@slipway/protocol";
import {
  joinFleet,
  openLanes,
  reconcile,
  startLaneWorker,
  startMaintenance,
  openHousekeeping,
  openNotifications,
  startHousekeepingWorker,
  startNotificationWorker,
} from "@slipway/queue";
import { openRegistry } from "@slipway/registry";
import type { LaneTask, LaneWorkerOptions } from "@slipway/queue";
import type { Logger, Service } from "@slipway/service";
import { openBlobs, openStore } from "@slipway/store";
import { logAttempt, logEnd } from "./deployments/attempt-log.ts";
import { defaultConcurrency } from "./deployments/concurrency.ts";
import type { WorkerConfig } from "./config.ts";
import { deploy } from "./deployments/deploy.ts";
import { deploymentContext } from "./deployments/deployment-context.ts";
import { runHousekeeping } from "./housekeeping/housekeeping.ts";
import { observeApps } from "./housekeeping/observe.ts";
import { endAbandonedOperation, operate } from "./operations/operate.ts";
import { Announcer } from "./notifications/announce.ts";
import { deliver } from "./notifications/deliver.ts";
import { retryingStore } from "./deployments/retrying-store.ts";
import type { Platform } from "./platform.ts";
import { openScheduler } from "./deployments/scheduler.ts";
import manifest from "../package.json" with { type: "json" };
import { cleanDeliveries, cleanOperations, cleanSources } from "./housekeeping/clean.ts";
import { removeApp, resumeRemovals } from "./housekeeping/remove-apps.ts";
import { sweepRollouts, sweepSandboxes } from "./housekeeping/sweep.ts";

/** A sweep asks the engine and the store: a minute apart with the defaults. */
const sweepEveryReconciles = 12;
/** A look at every app asks the engine several things of each. */
const observeEveryReconciles = 3;
/** Long before its lease is over, a silent worker shows as lost. */
const heartbeatsPerLease = 10;
const defaultDockerHost = "unix:///var/run/docker.sock";

export async function startWorker(config: WorkerConfig, logger: Logger): Promise<Service> {
  await using opened = new AsyncDisposableStack();
  const platform = await openPlatform(config, logger, opened);
  const { redis, keys, store } = platform;
  const onError = (error: unknown, message = "the queue's connection failed") =>
    logger.warn({ err: error }, message);
  const redisUrl = config.redisUrl;
  const { deployments, operations } = store;
  const lanes = opened.use(
    openLanes({ redisUrl, keys, deployments, operations, ownerSlots: config.limits.slotsPerOwner, onError }),
  );
  const run =
    (attempt: typeof deploy) =>
    (task: LaneTask, signal: AbortSignal): Promise<void> =>
      fleet.during(task, () =>
        logAttempt(platform, task, () =>
          attempt({ ...platform, store: retryingStore(store, signal) }, task, signal),
        ),
      );
  const work: LaneWorkerOptions["work"] = {
    deploy: {
      run: run(deploy),
      exhaust: async (id, error) =>
        logEnd(platform, await abandonDeployment(deploymentContext(platform), id, error)),
    },
    operate: {
      run: run(operate),
      exhaust: async (id, error) => logEnd(platform, await endAbandonedOperation(platform, id, error)),
    },
  };
  const notifications = opened.use(openNotifications({ redisUrl, keys, onError }));
  const announcer = new Announcer(platform, notifications);
  const name = config.log.name;
  await Promise.all([platform.engine.ping(), platform.registry.ping(), store.ping(), redis.ping()]);
  await sweepSandboxes(platform);
  const engine = await engineOf(platform);
  const concurrency = config.concurrency.deployments ?? defaultConcurrency(engine, buildShare(config));
  const operationConcurrency = config.concurrency.operations;
  const stopMaintenance = await startMaintenance({
    redisUrl,
    keys,
    name,
    reconcileEveryMs: config.timing.reconcileMs,
    observeEveryMs: config.timing.reconcileMs * observeEveryReconciles,
    onError,
    run: async (job: MaintenanceJob) => {
      if (job.type === "remove-app") return removeApp(platform, job.appId);
      if (job.type === "observe-apps") return observeApps(platform);
      if (job.type === "clean-sources") {
        await cleanSources(platform);
        await cleanDeliveries(platform);
        await cleanOperations(platform);
        return platform.blobs.clean();
      }
      // Each by itself: what stops one of them is no reason for the others to wait.
      const done = await Promise.allSettled([
        reconcile({ deployments, operations, lanes, leaseMs: config.timing.leaseMs, work, onError }),
        resumeRemovals(platform, lanes),
        announcer.announce(),
      ]);
      const failures = done.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
      if (failures.length > 0) throw new AggregateError(failures, "not all could be put right");
    },
  });
  const identity = { id: randomUUID(), name, host: hostname(), pid: process.pid, version: manifest.version };
  const heartbeatMs = Math.ceil(config.timing.leaseMs / heartbeatsPerLease);
  const startedAt = platform.now().toISOString();
  const fleet = opened.use(
    joinFleet(
      { redis, keys, onError },
      { ...identity, startedAt, heartbeatMs, concurrency, operationConcurrency, engine },
      platform.now,
    ),
  );
  const worker = await startLaneWorker({
    redisUrl,
    keys,
    lanes,
    name,
    concurrency,
    operationConcurrency,
    leaseMs: config.timing.leaseMs,
    work,
    onError,
  });
  const stopNotifications = startNotificationWorker({
    redisUrl,
    keys,
    onError,
    run: (job, attempt) => deliver(platform, job, attempt),
  });
  const stopHousekeeping = startHousekeepingWorker({
    redisUrl,
    keys,
    onError,
    leaseMs: config.timing.leaseMs,
    // By then the engine has ended what was told to stop: no process gets a second SIGTERM.
    takeUpAfterMs: config.timing.stopGraceMs,
    run: (job, signal) => runHousekeeping(platform, job, signal),
  });
  const sweeping = setInterval(() => {
    sweepSandboxes(platform).catch((error: unknown) => onError(error, "cannot sweep the engine"));
    sweepRollouts(platform).catch((error: unknown) => onError(error, "cannot sweep releases"));
  }, config.timing.reconcileMs * sweepEveryReconciles);
  const resources = opened.move();
  return {
    async stop({ graceMs }) {
      clearInterval(sweeping);
      fleet.drain();
      // What the last deployments replace is still told to stop; then the rest is left to other workers.
      const stopLanes = async () => {
        await worker.stop({ graceMs });
        await stopHousekeeping();
      };
      await Promise.all([stopLanes(), stopMaintenance(), stopNotifications()]);
      await resources.disposeAsync();
    },
  };
}

async function engineOf({ engine, config }: Platform) {
  return { address: config.engine.dockerHost ?? defaultDockerHost, ...(await engine.capacity()) };
}

function buildShare(config: WorkerConfig) {
  return {
    buildCpus: config.build.cpus,
    buildMemoryBytes: config.build.memoryBytes,
    engineWorkers: config.engine.workers,
  };
}

async function openPlatform(
  config: WorkerConfig,
  logger: Logger,
  opened: AsyncDisposableStack,
): Promise<Platform> {
  const installationId = config.installationId;
  const registryAuth = registryAuthOf(config);
  const place = (dockerHost: string | undefined) => ({
    installationId,
    ...(dockerHost === undefined ? {} : { dockerHost }),
    ...(registryAuth === undefined ? {} : { registryAuth }),
  });
  const redis = opened.adopt(new Redis(config.redisUrl, { maxRetriesPerRequest: null }), (client) =>
    client.disconnect(),
  );
  redis.on("error", (error) => logger.warn({ err: error }, "the connection to Redis failed"));
  const onError = (error: unknown, message: string) => logger.warn({ err: error }, message);
  const keys = redisKeys(installationId);
  return {
    config,
    logger,
    redis,
    keys,
    housekeeping: opened.use(openHousekeeping({ redisUrl: config.redisUrl, keys, onError })),
    store: opened.use(await openStore({ databaseUrl: config.databaseUrl })),
    blobs: opened.use(await openBlobs({ url: config.blobsUrl, onError })),
    engine: opened.use(openEngine(place(config.engine.dockerHost))),
    registry: opened.use(openRegistry(registryOf(config))),
    scheduler: opened.use(await openScheduler(config, place(config.scheduler.dockerHost))),
    caBundle: config.build.caBundlePath === undefined ? null : await readFile(config.build.caBundlePath),
    now: () => new Date(),
  };
}

function registryOf({ registry: { url, pullHost } }: WorkerConfig) {
  return { url, ...(pullHost === undefined ? {} : { pullHost }) };
}

/** What engines log in with to pull, when the registry's URL has it. */
function registryAuthOf(config: WorkerConfig) {
  const { username, password, host } = new URL(config.registry.url);
  if (username === "") return undefined;
  return {
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    serverAddress: config.registry.pullHost ?? host,
  };
}
