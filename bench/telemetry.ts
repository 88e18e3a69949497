// Measures the cost of metrics that Prometheus could scrape, and of traces that a collector receives, in a benchmark.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openMetrics, openTraces } from "@slipway/telemetry";
import type { Way } from "./measure.ts";

const worker = { process: "worker", instance: "bench" } as const;

/**
 * @returns the run without telemetry (the baseline), with metrics, and with metrics and traces, each in milliseconds of this process's
 * CPU time: on a busy machine durations vary by more than the cost of telemetry.
 */
export function withTelemetry({ name, run }: Way): readonly Way[] {
  return [
    { name, run: () => cpuMs(run) },
    { name: "the same with metrics", run: () => observed(run, false) },
    { name: "the same with metrics and traces", run: () => observed(run, true) },
  ];
}

/** Telemetry is opened before the run, because a store looks once whether it is measured. */
async function observed(run: Way["run"], isTraced: boolean): Promise<number> {
  await using collector = await startCollector();
  const target = { url: `${collector.url}/v1/traces`, headers: {} };
  const address = { host: "127.0.0.1", port: 0 };
  await using _metrics = await openMetrics({ ...worker, address, onError: fail });
  const traces = await openTraces({ ...worker, collector: isTraced ? target : null, onError: fail });
  return await cpuMs(async () => {
    const result = await run();
    // The last batch is part of the cost.
    await traces[Symbol.asyncDispose]();
    return result;
  });
}

async function cpuMs(run: Way["run"]): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Accepts every batch without reading what is in it. */
async function startCollector() {
  const server = createServer((request, response) => {
    request
      .resume()
      .on("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function fail(error: unknown): never {
  throw error;
}
