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
    /** Changes of what serves an app, for the routers. */
    routesChannel: `${root}:routes`,
    /** When each router was last seen: a sorted set of router ids, in milliseconds of Redis's clock. */
    routersSeen: `{${root}:routers}:seen`,
    /** Which routers have cut over to this rollout, with no request left on any other: a set of router ids. */
    routersCutOver: (rolloutId: string) => `{${root}:routers}:switched:${rolloutId}`,
    /** The instances of an app, as a worker observed them last. */
    appInstances: (appId: string) => `${root}:instances:${appId}`,
    /** Images that the registry or the releases' engine has of the app, as they were seen last: a set of digests. */
    imagesSeen: (appId: string) => `${root}:images:{${appId}}:seen`,
    /** Images of the app that nothing uses from now on, and that may be removed at any moment: a set of digests. */
    imagesUnneeded: (appId: string) => `${root}:images:{${appId}}:unneeded`,
    /** The tail of a deployment's log: a Redis Stream whose entry ids are `firstSeq-lineCount`. */
    logTail: (deploymentId: string) => `${root}:log:{${deploymentId}}:tail`,
    /** Which attempt may write the log, and the number of its last line. */
    logHead: (deploymentId: string) => `${root}:log:{${deploymentId}}:head`,
    /** The records of the workers: a hash by worker id. */
    workers: `{${root}:workers}:told`,
    /** When each worker was last seen: a sorted set of worker ids, in milliseconds of Redis's clock. */
    workersSeen: `{${root}:workers}:seen`,
  };
}

export type RedisKeys = ReturnType<typeof redisKeys>;
