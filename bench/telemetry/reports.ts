// The CPU time of one value of a metric and of one span, and their numbers in a run. The product is the cost of telemetry without the noise
// of the run itself.

import { changeStatus, claim, queuedDeployment } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import { measured, openMetrics, openTraces, traceEnds } from "@slipway/telemetry";
import { aNewDeployment, scrapeMetrics } from "@slipway/testkit";

/** Runs the work to measure. @returns the measured value. */
export type Meter = (work: () => Promise<void>) => Promise<number>;

const worker = { process: "worker", instance: "bench" } as const;
const freeAddress = { host: "127.0.0.1", port: 0 };
const recordings = 10_000;
const compiledAfter = 4;
const countedLoops = 8;
/** The number of spans stays below an exporter's capacity. */
const deployments = 1_300;
const nothing = async (): Promise<void> => undefined;

/** Opens metrics, or traces that the collector receives. */
export const telemetry = {
  metrics: (isOpen = true) => openMetrics({ ...worker, address: isOpen ? freeAddress : null, onError: fail }),
  traces: (url: string | null) =>
    openTraces({ ...worker, collector: url === null ? null : { url, headers: {} }, onError: fail }),
};

/** CPU time of the work in milliseconds: of this process, in user and system mode. */
export async function cpuMs(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Counts the histogram values that a run records, and the spans that it sends. */
export async function countReports(
  run: (meter: Meter) => Promise<number>,
  url: string,
): Promise<{ readonly values: number; readonly spans: number }> {
  await sentSpans(url);
  await using metrics = await telemetry.metrics();
  await using traces = await telemetry.traces(url);
  await run(async (work) => {
    await work();
    return 0;
  });
  await traces[Symbol.asyncDispose]();
  const { samples } = await scrapeMetrics(metrics.url ?? "");
  const values = samples.reduce((sum, { name, value }) => (name.endsWith("_count") ? sum + value : sum), 0);
  return { values, spans: await sentSpans(url) };
}

/**
 * CPU time of measuring a call and recording its duration, without the call itself, in milliseconds. Loops with and without the measurement
 * alternate: the first loops also pay for the compiler, which once made the calls without measurement the slower ones.
 */
export async function valueMs(): Promise<number> {
  const repeat = async (call: () => Promise<void>) => {
    for (let index = 0; index < recordings; index += 1) await call();
  };
  await using _metrics = await telemetry.metrics();
  let ms = 0;
  for (let loop = 0; loop < compiledAfter + countedLoops; loop += 1) {
    const bare = await cpuMs(() => repeat(nothing));
    const all = await cpuMs(() => repeat(() => measured("redis", nothing)));
    if (loop >= compiledAfter) ms += all - bare;
  }
  return ms / countedLoops / recordings;
}

/** CPU time of a deployment's span, from its creation to the collector's response, in milliseconds. */
export async function spanMs(url: string): Promise<number> {
  const ended = Array.from({ length: deployments }, endedDeployment);
  await sentSpans(url);
  await using traces = await telemetry.traces(url);
  const events = traceEnds({ created: nothing, statusChanged: nothing, phaseChanged: nothing });
  const ms = await cpuMs(async () => {
    for (const deployment of ended) await events.statusChanged(deployment);
    await traces[Symbol.asyncDispose]();
  });
  return ms / (await sentSpans(url));
}

async function sentSpans(url: string): Promise<number> {
  return Number(await (await fetch(url)).text());
}

function endedDeployment(): Deployment {
  const queued = queuedDeployment(aNewDeployment(), 1);
  const at = new Date(queued.createdAt.getTime() + 5);
  const facts = { logLineCount: 0, logSha256: "" };
  return changeStatus(claim(queued, 1, { at, lineCount: 0 }), "build-error", { at, lineCount: 0, facts });
}

function fail(error: unknown): never {
  throw error;
}
