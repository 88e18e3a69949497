// The order in which the deployments of different owners get build slots: BullMQ takes the lowest priority first.
//
// An owner with nothing at work goes to the front. Each deployment that it has at work already lets as many newer ones pass as
// wait at that time. That number is fixed when the job is added, and newer jobs get ever higher numbers: whatever is added later, a
// job's turn comes.

/** What decides a job's priority, as read in one step when its owner takes a slot. */
export interface ShareFacts {
  /** Other deployments of the owner that run or wait for a worker. */
  readonly others: number;
  /** Jobs that wait for a worker. */
  readonly waiting: number;
  /** Jobs that were added since none waited. */
  readonly arrivals: number;
}

/** For jobs that wait for nothing: operations, and attempts that follow an earlier one. */
export const highestPriority = 1;
/** BullMQ's limit. Jobs beyond it are first in, first out, until no job waits. */
const lowestPriority = 2 ** 21;
/** While almost nothing waits, an owner with something at work still lets some others pass. */
const fewestToPass = 8;

export function priorityOf({ others, waiting, arrivals }: ShareFacts): number {
  const passed = others * Math.max(waiting, fewestToPass);
  return Math.min(highestPriority + 1 + arrivals + passed, lowestPriority);
}
