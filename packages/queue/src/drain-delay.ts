// How often an idle worker of BullMQ looks for jobs.

/**
 * Seconds. A new job wakes a worker at once. It finds by itself only a job whose signal was lost, for example because the worker that
 * received it died. Each look costs calls of Redis in each worker, for each queue. More than BullMQ allows for delayed jobs would risk
 * a blocking call on a connection that is gone.
 */
export const drainDelay = 10;
