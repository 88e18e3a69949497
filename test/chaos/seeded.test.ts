// A seeded run of faults under load: several apps, two workers, a follower of each app. `npm run chaos` injects more faults.

import { appendFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { lacksEngine, startMongoServer } from "@slipway/testkit";
import { openClocks } from "./clocks.ts";
import { chooseFault } from "./faults.ts";
import { AppLoad } from "./load.ts";
import { randomFrom } from "./random.ts";
import { startRegistry } from "./registry.ts";
import { settled } from "./scenario.ts";
import { SlipwayUnderTest } from "./slipway.ts";
import { reportStateOfFailed } from "./state.ts";

/** Set by `npm run chaos`. */
const { CHAOS_FAULTS = "4", CHAOS_SEED = "1", CHAOS_DATABASE = "sqlite", CHAOS_RECORD } = process.env;
const faults = Number(CHAOS_FAULTS);
const seed = Number(CHAOS_SEED);
const apps = 3;
/** Time limit for one fault and the load until the next, on a busy machine. */
const limitPerFaultMs = 60_000;
const limitMs = 300_000 + faults * limitPerFaultMs;

describe.skipIf(await lacksEngine())("Slipway under load", () => {
  let opened: AsyncDisposableStack;
  let slipway: SlipwayUnderTest;
  beforeEach(() => {
    opened = new AsyncDisposableStack();
  });
  afterEach(async ({ task }) => {
    await using _ = opened;
    await reportStateOfFailed(task, slipway);
  });

  test(
    `every invariant holds after ${faults} faults of seed ${seed} on ${CHAOS_DATABASE}`,
    async () => {
      const registry = opened.use(await startRegistry(inject("environment")));
      const mongo = CHAOS_DATABASE === "mongodb" ? opened.use(await startMongoServer()) : null;
      const database = mongo === null ? {} : { DATABASE_URL: mongo.url };
      const clocks = opened.use(await openClocks(2));
      slipway = opened.use(
        await SlipwayUnderTest.start({
          workers: clocks.variables,
          gated: true,
          registryUrl: registry.url,
          settings: { CONCURRENCY: "2", RESERVED_SLOTS: "0", ...database },
        }),
      );
      const random = randomFrom(seed);
      const loads: AppLoad[] = [];
      for (let number = 1; number <= apps; number += 1) {
        const app = await slipway.createApp(`app${number}`);
        loads.push(new AppLoad(slipway, app, randomFrom(seed * 1_000 + number)));
      }
      const followers = loads.map(({ app }) => opened.use(slipway.follow(app)));
      const victims = { slipway, registry, mongo, followers, clocks: clocks.of(slipway.workers) };
      const stop = new AbortController();
      const running = loads.map((load) => load.run(stop.signal));
      for (let number = 1; number <= faults; number += 1) {
        const fault = chooseFault(victims, random);
        await report(`${number} of ${faults}: ${fault.name}`);
        await fault.run();
        await slipway.ready({ idle: false });
      }
      stop.abort();
      await Promise.all(running);
      const accepted = loads.flatMap((load) => load.accepted);
      process.stdout.write(`chaos     ${accepted.length} deployments accepted; waiting for their end\n`);
      const clocksDiffered = victims.clocks.length > 0;
      for (const [at, { app, accepted: ids }] of loads.entries())
        await settled(slipway, app, ids, followers.slice(at, at + 1), { clocksDiffered });
      expect(accepted.length).toBeGreaterThan(0);
    },
    limitMs,
  );
});

/** Prints a fault that begins, and records it for the end of `npm run chaos`, also when a signal ends the run. */
async function report(fault: string): Promise<void> {
  process.stdout.write(`chaos     ${fault}\n`);
  if (CHAOS_RECORD !== undefined) await appendFile(CHAOS_RECORD, `${fault}\n`);
}
