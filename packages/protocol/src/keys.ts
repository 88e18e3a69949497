// The names of everything we keep in Redis. All begin with the installation's id, so that installations may share one.

/** @param installationId as in configuration. Braces make a key's slot in Redis Cluster. */
export function redisKeys(installationId: string) {
  const root = `slipway:${installationId}`;
  return {
    /** Prefix of BullMQ's own keys. */
    queuePrefix: `{${root}:queue}`,
    /** Prefix of the counters of rate limits. */
    limitPrefix: `${root}:limit`,
    /**
     * An owner's deployments at work: a sorted set of their ids, scored 0 when they have a job, else with the time in seconds of
     * Redis's clock. It shares the hash slot of BullMQ's keys.
     */
    ownerSlots: (ownerId: string) => `{${root}:queue}:slots:${ownerId}`,
    /** The owner's apps that wait for a slot: a sorted set of their ids, scored with the time in seconds of Redis's clock. */
    ownerWaiting: (ownerId: string) => `{${root}:queue}:waiting:${ownerId}`,
    /** The id of the job that is being added for the app. It shares the hash slot of BullMQ's keys. */
    laneClaim: (appId: string) => `{${root}:queue}:claim:${appId}`,
    appChannel: (appId: string) => `${root}:app:${appId}`,
    controlChannel: `${root}:control`,
    /** Routers hear here that what serves an app changed. */
    routesChannel: `${root}:routes`,
    /** When each router told last that it lives: a sorted set of their ids, in milliseconds of Redis's clock. */
    routersSeen: `{${root}:routers}:seen`,
    /** Which routers have nothing left on any other rollout of the app than this one: a set of their ids. */
    routersCutOver: (rolloutId: string) => `{${root}:routers}:switched:${rolloutId}`,
    /** What runs of an app, as a worker saw it last. */
    appInstances: (appId: string) => `${root}:instances:${appId}`,
    /** The tail of a deployment's log: a Redis Stream whose entry ids are `firstSeq-lineCount`. */
    logTail: (deploymentId: string) => `${root}:log:{${deploymentId}}:tail`,
    /** Which attempt may write the log, and how far it is. */
    logHead: (deploymentId: string) => `${root}:log:{${deploymentId}}:head`,
    /** What the workers last told of themselves: a hash by worker id. */
    workers: `{${root}:workers}:told`,
    /** When they did: a sorted set of worker ids, in milliseconds of Redis's clock. */
    workersSeen: `{${root}:workers}:seen`,
  };
}

export type RedisKeys = ReturnType<typeof redisKeys>;
