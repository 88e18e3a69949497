// The interval at which an idle BullMQ worker looks for jobs.

/**
 * Seconds. A new job wakes a worker at once. Only a job whose signal was lost is found by looking, for example because the worker that
 * received the signal died. Each look costs Redis calls for each worker and queue. A longer interval than BullMQ's limit for delayed jobs
 * could leave a blocking call on a lost connection.
 */
export const drainDelay = 10;
