// Simulates a fleet and its queue: the deployments of many owners, the limit of each owner, and the order by priorities.

import { priorityOf } from "../src/fair-share.ts";

export interface SimulatedDeployment {
  readonly owner: string;
  /** The time of its creation and the duration of its build, in seconds. */
  readonly at: number;
  readonly seconds: number;
}

export interface Start {
  readonly deployment: SimulatedDeployment;
  readonly startedAt: number;
  /** When its job was added. */
  readonly addedAt: number;
  /** The active builds of its owner and the waiting jobs at that time. */
  readonly others: number;
  readonly waiting: number;
  /** Jobs that were added after it and started before it. */
  readonly passedBy: number;
}

interface Job extends Pick<Start, "deployment" | "addedAt" | "others" | "waiting"> {
  readonly priority: number;
  readonly order: number;
}

interface Fleet {
  readonly slots: number;
  /** Slots of each owner. */
  readonly ownerSlots: number;
  /** The end of the simulation in seconds; without it, all deployments start. */
  readonly until?: number;
}

/** @param deployments in the order of their creation. @returns the starts, in their order. */
export function simulate(deployments: readonly SimulatedDeployment[], fleet: Fleet): Start[] {
  return new SimulatedQueue(fleet).run(deployments);
}

class SimulatedQueue {
  readonly #fleet: Fleet;
  readonly #lanes = new Map<string, SimulatedDeployment[]>();
  readonly #atWork = new Map<string, number>();
  /** By priority, then by order. */
  readonly #jobs: Job[] = [];
  /** By the time of their ends. */
  readonly #running: { readonly owner: string; readonly endsAt: number }[] = [];
  readonly #starts: Start[] = [];
  readonly #startedOrders: number[] = [];
  #arrivals = 0;
  #order = 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  run(deployments: readonly SimulatedDeployment[]): Start[] {
    const { until = Infinity } = this.#fleet;
    let next = 0;
    for (;;) {
      const arrivesAt = deployments[next]?.at ?? Infinity;
      const endsAt = this.#running[0]?.endsAt ?? Infinity;
      const now = Math.min(arrivesAt, endsAt);
      if (now === Infinity || now > until) return this.#starts;
      if (endsAt <= arrivesAt) this.#end(now);
      else this.#arrive(deployments[next++] as SimulatedDeployment, now);
      this.#startJobs(now);
    }
  }

  #arrive(deployment: SimulatedDeployment, now: number): void {
    const lane = this.#lanes.get(deployment.owner) ?? [];
    this.#lanes.set(deployment.owner, lane);
    lane.push(deployment);
    this.#assignSlots(deployment.owner, now);
  }

  #end(now: number): void {
    const { owner } = this.#running.shift() as { owner: string };
    this.#atWork.set(owner, (this.#atWork.get(owner) ?? 0) - 1);
    this.#assignSlots(owner, now);
  }

  #assignSlots(owner: string, now: number): void {
    const others = this.#atWork.get(owner) ?? 0;
    if (others >= this.#fleet.ownerSlots) return;
    const deployment = this.#lanes.get(owner)?.shift();
    if (deployment === undefined) return;
    this.#atWork.set(owner, others + 1);
    const waiting = this.#jobs.length;
    this.#arrivals = waiting === 0 ? 1 : this.#arrivals + 1;
    this.#order += 1;
    const priority = priorityOf({ others, waiting, arrivals: this.#arrivals });
    insert(this.#jobs, { deployment, addedAt: now, others, waiting, priority, order: this.#order }, isBefore);
  }

  #startJobs(now: number): void {
    while (this.#running.length < this.#fleet.slots) {
      const job = this.#jobs.shift();
      if (job === undefined) return;
      const { deployment, addedAt, others, waiting, order } = job;
      const passedBy = this.#startedOrders.length - lowerBound(this.#startedOrders, (one) => one < order);
      insert(this.#startedOrders, order, (a, b) => a < b);
      this.#starts.push({ deployment, startedAt: now, addedAt, others, waiting, passedBy });
      const { owner, seconds } = deployment;
      insert(this.#running, { owner, endsAt: now + seconds }, (a, b) => a.endsAt <= b.endsAt);
    }
  }
}

function isBefore(a: Job, b: Job): boolean {
  return a.priority === b.priority ? a.order < b.order : a.priority < b.priority;
}

function insert<T>(sorted: T[], item: T, goesFirst: (a: T, b: T) => boolean): void {
  sorted.splice(
    lowerBound(sorted, (one) => goesFirst(one, item)),
    0,
    item,
  );
}

/** @returns the number of leading items that match the predicate. */
function lowerBound<T>(sorted: readonly T[], holds: (item: T) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(sorted[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
