// The faults of a seeded chaos run. Each begins, lasts for a while, and ends with everything running again.

import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { TestMongoServer } from "@slipway/testkit";
import type { AppUnderTest } from "./app-under-test.ts";
import type { Follower } from "./follower.ts";
import type { Random } from "./random.ts";
import type { RegistryUnderTest } from "./registry.ts";
import type { SlipwayUnderTest } from "./slipway.ts";

/** The clock of one worker, which a test can set. */
export interface TestClock {
  readonly worker: AppUnderTest;
  jump(seconds: number): Promise<void>;
}

export interface Victims {
  /** Null when the database is a SQLite file. */
  readonly mongo: Pick<TestMongoServer, "kill" | "start"> | null;
  /** Empty without the library that provides the clocks. */
  readonly clocks: readonly TestClock[];
  readonly slipway: SlipwayUnderTest;
  readonly registry: RegistryUnderTest;
  readonly followers: readonly Follower[];
}

export interface Fault {
  /** Printed when the fault begins. */
  readonly name: string;
  /** Resolves when everything runs again. */
  readonly run: () => Promise<void>;
}

interface FaultKind {
  readonly name: string;
  readonly begin: () => Promise<void> | void;
  /** Undefined for a fault that ends immediately. */
  readonly end?: () => Promise<void> | void;
}

/** Up to several times the lease of the processes under test, so that another worker takes over. The shortest faults remain unnoticed. */
const lastingMs = { min: 200, max: 8_000 };

/** The delay of each chunk on a slow connection. */
const slowMs = 300;
const jumpsSeconds = [-3_600, 3_600] as const;

/** All faults are equally likely. A fault of a process counts once for each process. */
export function chooseFault(victims: Victims, random: Random): Fault {
  const kind = random.pick(kindsOf(victims));
  const forMs = random.between(lastingMs.min, lastingMs.max);
  const { begin, end } = kind;
  if (end === undefined) return { name: kind.name, run: async () => begin() };
  const run = async () => {
    await begin();
    await sleep(forMs);
    await end();
  };
  return { name: `${kind.name} for ${forMs} ms`, run };
}

function kindsOf(victims: Victims): readonly FaultKind[] {
  return [
    ...processFaults(victims),
    ...redisFaults(victims),
    ...registryFaults(victims),
    ...databaseFaults(victims),
    ...engineFaults(victims),
    cutFollowers(victims),
  ];
}

function processFaults({ slipway, clocks }: Victims): readonly FaultKind[] {
  const crashes = slipway.processes.map((app) => ({
    name: `${app.name} is killed and stays down`,
    begin: () => app.kill(),
    end: () => app.start(),
  }));
  const ofWorkers = slipway.workers.flatMap((worker): FaultKind[] => [
    {
      name: `${worker.name} is frozen`,
      begin: () => slipway.freeze(worker),
      end: () => worker.thaw(),
    },
    {
      name: `${worker.name} receives SIGTERM and stays down`,
      begin: async () => void (await worker.stop()),
      end: () => worker.start(),
    },
    {
      name: `${worker.name} cannot reach Redis`,
      begin: () => slipway.gateOf(worker).shut(),
      end: () => slipway.gateOf(worker).reopen(),
    },
    {
      name: `${worker.name} reaches Redis slowly`,
      begin: () => slipway.gateOf(worker).slowDown(slowMs),
      end: () => slipway.gateOf(worker).slowDown(0),
    },
  ]);
  const jumps = clocks.flatMap((clock): FaultKind[] =>
    jumpsSeconds.map((seconds) => ({
      name: `the clock of ${clock.worker.name} jumps by ${seconds} s`,
      begin: () => clock.jump(seconds),
      end: () => clock.jump(0),
    })),
  );
  return [...crashes, ...ofWorkers, ...jumps];
}

function redisFaults({ slipway: { redis } }: Victims): readonly FaultKind[] {
  return [
    { name: "Redis is killed and stays down", begin: () => redis.kill(), end: () => redis.start() },
    {
      name: "Redis is frozen",
      begin: () => void process.kill(redis.pid, "SIGSTOP"),
      end: () => void process.kill(redis.pid, "SIGCONT"),
    },
    {
      name: "Redis loses its data",
      begin: async () => {
        const client = new Redis(redis.url);
        await client.flushall();
        client.disconnect();
      },
    },
  ];
}

function registryFaults({ registry }: Victims): readonly FaultKind[] {
  return [
    {
      name: "the registry is killed and stays down",
      begin: () => registry.kill(),
      end: () => registry.start(),
    },
    { name: "the registry is frozen", begin: () => registry.freeze(), end: () => registry.thaw() },
  ];
}

function databaseFaults({ mongo }: Victims): readonly FaultKind[] {
  if (mongo === null) return [];
  return [{ name: "MongoDB is killed and stays down", begin: () => mongo.kill(), end: () => mongo.start() }];
}

function engineFaults({ slipway: { engineGate } }: Victims): readonly FaultKind[] {
  return [
    { name: "the engine closes all connections", begin: () => engineGate.cut() },
    { name: "the engine does not answer", begin: () => engineGate.shut(), end: () => engineGate.reopen() },
    {
      name: "the engine answers slowly",
      begin: () => engineGate.slowDown(slowMs),
      end: () => engineGate.slowDown(0),
    },
  ];
}

function cutFollowers({ followers }: Victims): FaultKind {
  return {
    name: "every follower is disconnected",
    begin: () => {
      for (const follower of followers) follower.cut();
    },
  };
}
