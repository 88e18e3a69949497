import { createServer } from "node:http";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SlipwayError } from "@slipway/core";
import { scrapeMetrics } from "@slipway/testkit";
import { measured } from "./dependency-calls.ts";
import type { MetricDefinition } from "./definition.ts";
import { change, count, observe, record } from "./instruments.ts";
import { openMetrics } from "./metrics.ts";
import type { Metrics } from "./metrics.ts";
import { metricRegistry } from "./registry.ts";

let metrics: Metrics;
let errors: unknown[];
const options = { process: "worker", instance: "worker-1" } as const;
const onError = (error: unknown) => void errors.push(error);

beforeEach(async () => {
  errors = [];
  metrics = await openMetrics({ ...options, address: { host: "127.0.0.1", port: 0 }, onError });
});
afterEach(() => metrics[Symbol.asyncDispose]());

const scrape = () => scrapeMetrics(metrics.url ?? "");

test("a scrape has counters, histograms with the buckets of the registry, and values that rise and fall", async () => {
  count("slipway_deployments_total", { status: "success" });
  count("slipway_deployments_total", { status: "success" });
  count("slipway_log_lines_total", {}, 40);
  change("slipway_log_followers", {}, 2);
  change("slipway_log_followers", {}, -1);
  record("slipway_deployment_duration_seconds", { status: "success" }, 12);
  record("slipway_deployment_duration_seconds", { status: "success" }, -3);
  const { families, value } = await scrape();
  expect(value("slipway_deployments_total", { status: "success" })).toBe(2);
  expect(value("slipway_log_lines_total")).toBe(40);
  expect(value("slipway_log_followers")).toBe(1);
  const duration = "slipway_deployment_duration_seconds";
  expect(value(`${duration}_bucket`, { le: "10" })).toBe(1);
  expect(value(`${duration}_bucket`, { le: "20" })).toBe(2);
  expect(value(`${duration}_sum`)).toBe(12);
  expect(families.get(duration)).toMatchObject({ type: "histogram" });
  expect(families.get("slipway_log_followers")).toMatchObject({ type: "gauge" });
  expect(families.get("slipway_deployments_total")).toEqual({
    type: "counter",
    help: metricRegistry.slipway_deployments_total.description,
  });
});

test("a scrape names the process, and has its memory, its CPU time and the delay of its event loop", async () => {
  const { value } = await scrape();
  expect(value("target_info", { service_name: "slipway-worker", service_instance_id: "worker-1" })).toBe(1);
  for (const name of [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "nodejs_heap_size_used_bytes",
  ])
    expect(value(name)).toBeGreaterThan(0);
  expect(value("process_start_time_seconds")).toBeCloseTo(performance.timeOrigin / 1000, 0);
  const before = performance.now();
  while (performance.now() - before < 400);
  expect((await scrape()).value("nodejs_eventloop_lag_max_seconds")).toBeGreaterThan(0.2);
});

test("a source of samples that fails is reported, its metrics are absent, and all others are in the scrape", async () => {
  const failing = observe(["slipway_queue_paused"], () => {
    throw new Error("no Redis");
  });
  using _working = observe(["slipway_workers"], async () => [
    { name: "slipway_workers", value: 3, attributes: { state: "ready" } },
  ]);
  const { value } = await scrape();
  expect(value("slipway_queue_paused")).toBeUndefined();
  expect(value("slipway_workers", { state: "ready" })).toBe(3);
  expect(errors).toEqual([new Error("no Redis")]);
  failing[Symbol.dispose]();
  await scrape();
  expect(errors).toHaveLength(1);
});

test("calls of a dependency are recorded by whether it responded; those that the caller ended are not", async () => {
  const refusal = (code: "engine-unavailable" | "aborted", cause?: unknown) => () =>
    Promise.reject(new SlipwayError(code, "failed", { cause }));
  await measured("engine", async () => undefined);
  await expect(measured("engine", refusal("engine-unavailable"))).rejects.toThrow("failed");
  await expect(measured("engine", refusal("engine-unavailable", { statusCode: 404 }))).rejects.toThrow(
    "failed",
  );
  await expect(measured("engine", refusal("aborted"))).rejects.toThrow("failed");
  const { value } = await scrape();
  const calls = (outcome: string) =>
    value("slipway_dependency_call_duration_seconds_count", { dependency: "engine", outcome });
  expect([calls("responded"), calls("unavailable")]).toEqual([2, 1]);
});

test("a call that throws at once is recorded, and rejects", async () => {
  const call = measured("engine", () => {
    throw new SlipwayError("engine-unavailable", "at once");
  });
  await expect(call).rejects.toThrow("at once");
  const outcome = { dependency: "engine", outcome: "unavailable" };
  expect((await scrape()).value("slipway_dependency_call_duration_seconds_count", outcome)).toBe(1);
});

test("calls of one service are recorded also when metrics were closed and opened again", async () => {
  await measured("engine", async () => 1);
  await metrics[Symbol.asyncDispose]();
  metrics = await openMetrics({ ...options, address: { host: "127.0.0.1", port: 0 }, onError });
  await measured("engine", async () => 1);
  const outcome = { dependency: "engine", outcome: "responded" };
  expect((await scrape()).value("slipway_dependency_call_duration_seconds_count", outcome)).toBe(1);
});

test("a call of Redis responded unless its connection failed, also with an error as the reply", async () => {
  const reply = Object.assign(new Error("ERR unknown command"), { name: "ReplyError" });
  await measured("redis", async () => "PONG");
  await expect(measured("redis", () => Promise.reject(reply))).rejects.toThrow("ERR unknown command");
  await expect(measured("redis", () => Promise.reject(new Error("closed")))).rejects.toThrow("closed");
  const { value } = await scrape();
  const calls = (outcome: string) =>
    value("slipway_dependency_call_duration_seconds_count", { dependency: "redis", outcome });
  expect([calls("responded"), calls("unavailable")]).toEqual([2, 1]);
});

test("only GET /metrics is served, and a client that disconnects does not stop the endpoint", async () => {
  const url = new URL(metrics.url ?? "");
  expect((await fetch(new URL("/", url))).status).toBe(404);
  expect((await fetch(url, { method: "POST" })).status).toBe(405);
  const client: Socket = connect(Number(url.port), url.hostname);
  await once(client, "connect");
  client.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  client.resetAndDestroy();
  const answer = await fetch(url);
  expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(await answer.text()).toContain("# TYPE process_cpu_seconds_total counter");
});

test("a port in use is an error of the configuration, after which metrics can be opened", async () => {
  await metrics[Symbol.asyncDispose]();
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const address = { host: "127.0.0.1", port };
  await expect(openMetrics({ ...options, address, onError })).rejects.toMatchObject({
    code: "configuration-invalid",
  });
  server.close();
  await once(server, "close");
  metrics = await openMetrics({ ...options, address, onError });
  await expect(openMetrics({ ...options, address, onError })).rejects.toMatchObject({ code: "internal" });
});

test("without an address nothing is served, and reports are accepted and dropped", async () => {
  await metrics[Symbol.asyncDispose]();
  metrics = await openMetrics({ ...options, address: null, onError });
  expect(metrics.url).toBeNull();
  count("slipway_deployments_total", { status: "success" });
  observe(["slipway_queue_paused"], () => {
    throw new Error("must not be called");
  })[Symbol.dispose]();
  expect(await measured("store", async () => 7)).toBe(7);
});

test.for(Object.entries<MetricDefinition>(metricRegistry))(
  "%s follows Prometheus' conventions: a unit at the end, _total only for values that never decrease",
  ([name, { kind, unit, buckets }]) => {
    expect(name).toMatch(/^(slipway|process|nodejs)_[a-z_]+$/);
    expect(name.endsWith("_total")).toBe(kind === "counter" || kind === "total");
    const end = /_(seconds|bytes)$/.exec(name.replace(/_total$/, ""));
    expect(end?.[1] ?? null).toBe(unit);
    expect(buckets !== undefined).toBe(kind === "histogram");
  },
);
