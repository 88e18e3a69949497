// The names of all Redis keys and channels. They contain the installation's id, so that installations can share a Redis.

/** @param installationId the setting INSTALLATION_ID. Braces in a key mark the part that determines its Redis Cluster hash slot. */
export function redisKeys(installationId: string) {
  const root = `slipway:${installationId}`;
  return {
    /** Prefix of BullMQ's own keys. */
    queuePrefix: `{${root}:queue}`,
    /** Prefix of rate limit counters. */
    limitPrefix: `${root}:limit`,
    /**
     * The deployments that use an owner's slots: a sorted set of their ids by the time at which the slot was reserved or, negative,
     * confirmed, see packages/queue/src/lua/owner-slots.lua.
     */
    ownerSlots: (ownerId: string) => `{${root}:queue}:slots:${ownerId}`,
    /** The owner's apps that wait for a slot: a sorted set of app ids by time, in seconds of Redis's clock. */
    ownerWaiting: (ownerId: string) => `{${root}:queue}:waiting:${ownerId}`,
    /** Number of builds added since no build waited for a worker. */
    queueArrivals: `{${root}:queue}:arrivals`,
    /** Maximum number of concurrent deployments on the live workers. Expires when no worker is alive. */
    fleetCapacity: `{${root}:queue}:capacity`,
    /** Set once a worker has counted the fleet's capacity in the current heartbeat interval. */
    fleetCounted: `{${root}:queue}:counted`,
    /** The id of the job that is currently being added for the app. */
    laneClaim: (appId: string) => `{${root}:queue}:claim:${appId}`,
    /** Samples of the queue: a sorted set of JSON by time, in milliseconds. Expires together with its last sample. */
    queueHistory: `${root}:history`,
    /** Held by the process that took the last sample. */
    queueHistoryLease: `${root}:history:lease`,
    /** The ends of the last turns of periodic work: a hash by name, in milliseconds of Redis's clock. */
    turns: `${root}:turns`,
    ...presenceKeys(root),
    appChannel: (appId: string) => `${root}:app:${appId}`,
    controlChannel: `${root}:control`,
    /** Notifies routers of changes to an app's rollout or instances. */
    routesChannel: `${root}:routes`,
    /** An app's instances as last observed by a worker. */
    appInstances: (appId: string) => `${root}:instances:${appId}`,
    /** The apps as last observed: a hash of the scheduler's fingerprints by app id. */
    appsObserved: `${root}:observed`,
    /** The app's images as last seen in the registry and on the releases' engine: a set of digests. */
    imagesSeen: (appId: string) => `${root}:images:{${appId}}:seen`,
    /** The app's images that are no longer used, and that may be removed at any time: a set of digests. */
    imagesUnneeded: (appId: string) => `${root}:images:{${appId}}:unneeded`,
    /** Current writers to the registry: a sorted set of ids by time, in milliseconds of Redis's clock. */
    registryWriters: `{${root}:registry}:writers`,
    /** Always empty: writers have no records. The heartbeat script needs the key. */
    registryWriterRecords: `{${root}:registry}:records`,
    /** Set while a garbage collection holds the writes to the registry. */
    registryHold: `{${root}:registry}:hold`,
    /** The id of the last app that retention has examined. */
    retentionCursor: `${root}:retention`,
    /** The guards whose rules were proven: a hash from engine to the guard's id and start time. */
    egressProven: `${root}:egress`,
    /** An engine's disk quotas, as tested by a worker. */
    diskQuota: (engine: string) => `${root}:disk-quota:${engine}`,
    /** The tail of a deployment's log: a Redis stream with the entry ids `firstSeq-lineCount`. */
    logTail: (deploymentId: string) => `${root}:log:{${deploymentId}}:tail`,
    /** The attempt that may write the log, and the number of the log's last line. */
    logHead: (deploymentId: string) => `${root}:log:{${deploymentId}}:head`,
  };
}

/** Heartbeats and records of routers and workers, and requests to them. */
function presenceKeys(root: string) {
  return {
    /** The routers' last heartbeats: a sorted set of their ids by time, in milliseconds of Redis's clock. */
    routersSeen: `{${root}:routers}:seen`,
    /** Always empty: routers have no records. The heartbeat script needs the key. */
    routers: `{${root}:routers}:records`,
    /** The routers that have confirmed the cutover to the rollout: a set of their ids. */
    routersCutOver: (rolloutId: string) => `{${root}:routers}:switched:${rolloutId}`,
    /** The workers' records: a hash by worker id. */
    workers: `{${root}:workers}:told`,
    /** An operator's request to the worker: "1" to drain, "0" to resume. The worker reads it with each heartbeat. */
    workerDraining: (workerId: string) => `{${root}:workers}:draining:${workerId}`,
    /** Notifies workers of such requests. */
    workersChannel: `${root}:workers`,
    /** The workers' last heartbeats: a sorted set of their ids by time, in milliseconds of Redis's clock. */
    workersSeen: `{${root}:workers}:seen`,
  };
}

export type RedisKeys = ReturnType<typeof redisKeys>;
