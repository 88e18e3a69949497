import { describe, expect, test } from "vitest";
import { createLogger } from "@slipway/service";
import { openMetrics } from "@slipway/telemetry";
import {
  eventually,
  lacksEngine,
  newInstallation,
  scrapeMetrics,
  testEngine,
  unexpected,
} from "@slipway/testkit";
import { observeEngines } from "./engine-metrics.ts";

describe.skipIf(await lacksEngine())("the metrics of what engines store", () => {
  test("one engine for builds and releases is measured once, and a scrape has its disk and its images", async () => {
    const { dockerHost, stackImage } = await testEngine();
    await using installation = newInstallation();
    const address = { host: "127.0.0.1", port: 0 };
    const options = { process: "worker", instance: "worker-1", onError: unexpected } as const;
    await using metrics = await openMetrics({ ...options, address });
    const lines: string[] = [];
    const logger = createLogger({ name: "worker", destination: { write: (line) => void lines.push(line) } });
    const config = { installationId: installation.id, stackImage };
    const engines = { builds: { dockerHost }, releases: { dockerHost } };
    await using _observed = observeEngines({ config, logger, engines });
    const samples = () => scrapeMetrics(metrics.url ?? "");
    const images = async () => (await samples()).value("slipway_engine_stored_bytes", { part: "images" });
    await eventually(async () => ((await images()) ?? 0) > 0);
    const { value } = await samples();
    const free = value("slipway_disk_free_bytes", { disk: "engine" }) ?? 0;
    expect(free).toBeGreaterThan(0);
    expect(value("slipway_disk_size_bytes", { disk: "engine" })).toBeGreaterThan(free);
    expect(value("slipway_engine_stored_bytes", { part: "snapshots" })).toBe(0);
    expect(lines).toEqual([]);
  });
});
