// The priorities of jobs, by which owners share the build slots. BullMQ runs the lowest number first.
//
// The job of an owner without active deployments goes before jobs of owners with some. For each active deployment of its owner, a
// job lets as many later jobs pass as wait when it is added. Priorities are fixed when jobs are added and grow with each added
// job, so no job waits forever.

/** The counts that decide a job's priority, read in one step when its owner takes a slot. */
export interface ShareFacts {
  /** Other deployments of the owner that run or wait for a worker. */
  readonly others: number;
  /** Jobs that wait for a worker. */
  readonly waiting: number;
  /** Jobs that were added since none waited. */
  readonly arrivals: number;
}

/** For operations, and for attempts that follow an earlier one: they go before all other jobs. */
export const highestPriority = 1;
/** BullMQ's limit. Jobs beyond it are first in, first out, until no job waits. */
const lowestPriority = 2 ** 21;
/** The minimum number of jobs that pass, for times when almost no job waits. */
const minPassed = 8;

/** The priority of a job, from the counts at the time when its owner takes a slot. */
export function priorityOf({ others, waiting, arrivals }: ShareFacts): number {
  const passed = others * Math.max(waiting, minPassed);
  return Math.min(highestPriority + 1 + arrivals + passed, lowestPriority);
}
