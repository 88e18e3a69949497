import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually, scrapeMetrics } from "@slipway/testkit";
import { openMetrics } from "./metrics.ts";
import type { Metrics } from "./metrics.ts";
import { observeAtIntervals } from "./observe-at-intervals.ts";

const hourMs = 3_600_000;
let metrics: Metrics;
let errors: unknown[];
const onError = (error: unknown) => void errors.push(error);
const stored = (value: number) => [
  { name: "slipway_stored_bytes" as const, value, attributes: { part: "sources" } },
];
const scraped = async () =>
  (await scrapeMetrics(metrics.url ?? "")).value("slipway_stored_bytes", { part: "sources" });

beforeEach(async () => {
  errors = [];
  const address = { host: "127.0.0.1", port: 0 };
  metrics = await openMetrics({ process: "api", instance: "api", address, onError });
});
afterEach(() => metrics[Symbol.asyncDispose]());

test("scrapes read the last measurement and measure nothing themselves", async () => {
  let measurements = 0;
  const measure = async () => stored((measurements += 1));
  await using _observed = observeAtIntervals(["slipway_stored_bytes"], measure, { everyMs: hourMs, onError });
  await eventually(async () => (await scraped()) === 1);
  await scraped();
  expect(measurements).toBe(1);
  expect(errors).toEqual([]);
});

test("a failed measurement is reported, and its metrics are absent until one succeeds", async () => {
  let fails = true;
  const measure = async () => {
    if (fails) throw new Error("the engine is away");
    return stored(7);
  };
  await using _observed = observeAtIntervals(["slipway_stored_bytes"], measure, { everyMs: 1, onError });
  await eventually(async () => errors.length > 0);
  expect(await scraped()).toBeUndefined();
  fails = false;
  await eventually(async () => (await scraped()) === 7);
});

test("disposing ends a measurement and waits for its end; without metrics nothing is measured", async () => {
  const started = Promise.withResolvers<void>();
  let ended = false;
  const measure = async (signal: AbortSignal) => {
    started.resolve();
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    ended = true;
    return stored(1);
  };
  {
    await using _observed = observeAtIntervals(["slipway_stored_bytes"], measure, { everyMs: 1, onError });
    await started.promise;
  }
  expect(ended).toBe(true);
  await metrics[Symbol.asyncDispose]();
  await using _nothing = observeAtIntervals(
    ["slipway_stored_bytes"],
    async () => Promise.reject(new Error("must not be called")),
    { everyMs: 1, onError },
  );
  expect(errors).toEqual([]);
});
