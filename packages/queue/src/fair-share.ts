// The priorities of jobs, by which owners share the build slots. BullMQ runs the lowest number first.
//
// The job of an owner without active deployments precedes jobs of owners with active ones. For each active deployment of its owner, a
// job lets as many later jobs pass as are waiting when it is added. Priorities are fixed when jobs are added and grow with each added
// job, so every job eventually runs.

/** The counts that determine a job's priority, read atomically when its owner takes a slot. */
export interface ShareFacts {
  /** The owner's other deployments that run or wait for a worker. */
  readonly others: number;
  /** Jobs that wait for a worker. */
  readonly waiting: number;
  /** Jobs added since the queue was last empty. */
  readonly arrivals: number;
}

/** For operations, and for attempts after the first one: they precede all other jobs. */
export const highestPriority = 1;
/** BullMQ's limit. Jobs beyond it are first in, first out, until the queue is empty. */
const lowestPriority = 2 ** 21;
/** Minimum number of jobs that pass, for times when almost no job waits. */
const minPassed = 8;

/** Calculates a job's priority from the counts at the time when its owner takes a slot. */
export function priorityOf({ others, waiting, arrivals }: ShareFacts): number {
  const passed = others * Math.max(waiting, minPassed);
  return Math.min(highestPriority + 1 + arrivals + passed, lowestPriority);
}
