import { describe, expect, test } from "vitest";
import { randomNumbers, simulate } from "../test-support/simulated-queue.ts";
import type { SimulatedDeployment, Start } from "../test-support/simulated-queue.ts";
import { priorityOf } from "./fair-share.ts";

const [slots, ownerSlots] = [20, 10];
const random = randomNumbers(15);
const between = (low: number, high: number) => low + (high - low) * random();

describe("fair shares", () => {
  test("an owner without active deployments goes before one with some, and one with few before one with many", () => {
    const priorities = [0, 1, 2, 9].map((others) => priorityOf({ others, waiting: 100, arrivals: 5 }));
    expect(priorities).toEqual(priorities.toSorted((a, b) => a - b));
    expect(new Set(priorities)).toHaveLength(4);
  });

  test("only a limited number of later jobs go before a job", () => {
    const waits = priorityOf({ others: 9, waiting: 100, arrivals: 5 });
    expect(priorityOf({ others: 0, waiting: 1_000, arrivals: 904 })).toBeLessThan(waits);
    expect(priorityOf({ others: 0, waiting: 1_000, arrivals: 906 })).toBeGreaterThan(waits);
  });

  test("a priority is one that BullMQ accepts, however many jobs there were", () => {
    expect(priorityOf({ others: 9, waiting: 10 ** 6, arrivals: 10 ** 7 })).toBe(2_097_152);
    expect(priorityOf({ others: 0, waiting: 0, arrivals: 0 })).toBeGreaterThan(1);
  });

  test("five owners with thousands of deployments hardly delay three thousand other owners", () => {
    const hoarders = Array.from({ length: 10_000 }, (_, at) => ({
      owner: `hoarder-${at % 5}`,
      at: 0,
      seconds: between(20, 60),
    }));
    const others = Array.from({ length: 3_000 }, (_, at) => ({
      owner: `owner-${at}`,
      at: 5 * at,
      seconds: between(20, 60),
    }));
    const starts = simulate(byTime([...hoarders, ...others]), { slots, ownerSlots, until: 15_000 });
    const waits = waitsOf(starts, (owner) => owner.startsWith("owner"));
    expect(waits.length).toBeGreaterThan(2_950);
    // Twenty slots and builds of 20 to 60 s: a build ends every two seconds, and another owner deploys every five.
    expect(mean(waits)).toBeLessThan(4);
    expect(Math.max(...waits)).toBeLessThan(30);
  });

  test("two thousand owners with a backlog get the same share, however many deployments they have", () => {
    const owners = Array.from({ length: 2_000 }, (_, at) => `owner-${at}`);
    // One per cent of the owners have half of the deployments.
    const deployments = owners.flatMap((owner, at) =>
      Array.from({ length: at % 100 === 0 ? 1_500 : 15 }, () => ({ owner, at: 0, seconds: between(20, 60) })),
    );
    shuffle(deployments);
    const starts = simulate(deployments, { slots, ownerSlots: 3, until: 36_000 });
    expect(starts.length).toBeGreaterThan(17_000);
    // In a burst, the first owners are ahead of the others by at most their active deployments.
    expect(spreadOf(starts, owners)).toBeLessThanOrEqual(3);
    expect(spreadOf(starts.slice(8_000, 16_000), owners)).toBeLessThanOrEqual(2);
  });

  test("no job starves: at most as many later jobs pass it as its owner had active deployments, times the waiting jobs", () => {
    const steady = Array.from({ length: 40 }, () => ({ owner: "steady", at: 1, seconds: 40 }));
    // Each new owner deploys once, and there are more new owners than slots.
    const newcomers = Array.from({ length: 5_000 }, (_, at) => ({
      owner: `newcomer-${at}`,
      at: 1.5 * at,
      seconds: between(20, 60),
    }));
    const starts = simulate(byTime([...newcomers, ...steady]), { slots, ownerSlots });
    expect(starts).toHaveLength(5_040);
    for (const { passedBy, others, waiting } of starts)
      expect(passedBy).toBeLessThanOrEqual(others * Math.max(waiting, 8));
    // Counts only the time in which new owners deploy.
    const early = starts.filter(
      ({ deployment, startedAt }) => deployment.owner === "steady" && startedAt < 7_500,
    );
    expect(early.length).toBeGreaterThanOrEqual(ownerSlots);
  });

  test("in bursts of owners of different sizes all deployments start, those of each owner in their order", () => {
    const deployments = byTime(
      Array.from({ length: 10_000 }, () => ({
        // The fourth power of a random number favors the first owners.
        owner: `owner-${Math.floor(4_000 * random() ** 4)}`,
        at: 2_000 * Math.floor(10 * random()) + between(0, 10),
        seconds: between(5, 60),
      })),
    );
    const starts = simulate(deployments, { slots, ownerSlots });
    expect(starts).toHaveLength(deployments.length);
    for (const own of Map.groupBy(starts, ({ deployment }) => deployment.owner).values()) {
      const added = own.toSorted((a, b) => a.addedAt - b.addedAt);
      expect(added.map(({ deployment }) => deployment.at)).toEqual(
        own.map(({ deployment }) => deployment.at).toSorted((a, b) => a - b),
      );
    }
  });
});

function waitsOf(starts: readonly Start[], isWanted: (owner: string) => boolean): number[] {
  return starts
    .filter(({ deployment }) => isWanted(deployment.owner))
    .map(({ deployment, startedAt }) => startedAt - deployment.at);
}

/** The difference in starts between the owners with the most and with the fewest. */
function spreadOf(starts: readonly Start[], owners: readonly string[]): number {
  const counts = new Map(owners.map((owner) => [owner, 0]));
  for (const { deployment } of starts) counts.set(deployment.owner, (counts.get(deployment.owner) ?? 0) + 1);
  return Math.max(...counts.values()) - Math.min(...counts.values());
}

function byTime(deployments: readonly SimulatedDeployment[]): SimulatedDeployment[] {
  return deployments.toSorted((a, b) => a.at - b.at);
}

function shuffle(items: unknown[]): void {
  for (let at = items.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [items[at], items[other]] = [items[other], items[at]];
  }
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
}
