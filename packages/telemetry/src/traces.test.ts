import { afterEach, beforeEach, expect, test } from "vitest";
import { claim, queuedDeployment, SlipwayError } from "@slipway/core";
import { aNewDeployment, startTraceCollector } from "@slipway/testkit";
import type { TraceCollector } from "@slipway/testkit";
import { traceEnds, tracePhase } from "./deployment-trace.ts";
import { measured } from "./dependency-calls.ts";
import { isTraced, reportSpan, withinSpan } from "./spans.ts";
import { openTraces } from "./traces.ts";
import { phaseSpanId, traceIdOf } from "./trace-ids.ts";

let collector: TraceCollector;
let errors: unknown[];
const parent = { traceId: "a".repeat(32), spanId: "b".repeat(16) };
const span = {
  ...parent,
  parentSpanId: null,
  name: "deployment",
  kind: "internal",
  startedAt: new Date("2026-01-02T03:04:05.067Z"),
  finishedAt: new Date("2026-01-02T03:04:06.500Z"),
  failure: null,
  attributes: { "slipway.app.id": "a1" },
} as const;

beforeEach(async () => {
  errors = [];
  collector = await startTraceCollector();
});
afterEach(() => collector[Symbol.asyncDispose]());

const open = (url = collector.url) =>
  openTraces({
    process: "worker",
    instance: "worker-1",
    collector: { url: `${url}/v1/traces`, headers: { authorization: "Bearer secret" } },
    onError: (error) => void errors.push(error),
  });

test("a span arrives with its times, its attributes, the process, and the configured headers", async () => {
  {
    await using _traces = await open();
    reportSpan(span);
    reportSpan({ ...span, spanId: "c".repeat(16), parentSpanId: parent.spanId, failure: "build-failed" });
  }
  expect(collector.spans).toMatchObject([
    {
      ...parent,
      name: "deployment",
      startTimeUnixNano: "1767323045067000000",
      endTimeUnixNano: "1767323046500000000",
      status: { code: 0 },
      attributes: { "slipway.app.id": "a1" },
      service: "slipway-worker",
    },
    { parentSpanId: parent.spanId, status: { code: 2, message: "build-failed" } },
  ]);
  expect(collector.headers[0]).toMatchObject({ authorization: "Bearer secret" });
  expect(errors).toEqual([]);
});

test("calls of a service within a span are its children; those outside, and those without a description, have no span", async () => {
  {
    await using _traces = await open();
    await measured("engine", async () => 1, "list containers");
    await withinSpan(
      () => parent,
      async () => {
        await measured("redis", async () => 1);
        await measured("engine", async () => 1, "create a container");
        const refused = measured(
          "registry",
          () => Promise.reject(new SlipwayError("registry-unavailable", "secret")),
          "GET manifests",
        );
        await expect(refused).rejects.toThrow("secret");
      },
    );
  }
  expect(collector.spans.map(({ name, parentSpanId, status }) => [name, parentSpanId, status])).toEqual([
    ["engine: create a container", parent.spanId, { code: 0 }],
    ["registry: GET manifests", parent.spanId, { code: 2, message: "registry-unavailable" }],
  ]);
});

test("calls of a service within a phase are children of the span that the deployment's trace has for the phase", async () => {
  const phase = {
    name: "push",
    startedAt: new Date(),
    finishedAt: null,
    bytes: null,
    reused: [],
    outcome: null,
  };
  {
    await using _traces = await open();
    await tracePhase({ id: "d1", attempt: 2 }, phase, () => measured("registry", async () => 1, "PUT blob"));
  }
  const ids = { traceId: traceIdOf("d1"), parentSpanId: phaseSpanId("d1", 2, phase) };
  expect(collector.spans).toMatchObject([ids]);
});

test("a phase that calls one service all the time has a bounded number of its spans, and those of the others", async () => {
  {
    await using _traces = await open();
    await withinSpan(
      () => parent,
      async () => {
        for (let call = 0; call < 500; call += 1) await measured("engine", async () => call, "inspect");
        await measured("registry", async () => 1, "GET manifests");
      },
    );
  }
  const names = collector.spans.map(({ name }) => name);
  expect(names.filter((name) => name === "engine: inspect")).toHaveLength(200);
  expect(names.at(-1)).toBe("registry: GET manifests");
});

test("the events of a deployment that ends export its trace, and reach their receivers", async () => {
  const statuses: string[] = [];
  const events = traceEnds({
    created: async () => undefined,
    statusChanged: async ({ status }) => void statuses.push(status),
    phaseChanged: async () => undefined,
  });
  const running = claim(queuedDeployment(aNewDeployment(), 1), 1, { at: new Date(), lineCount: 0 });
  {
    await using _traces = await open();
    await events.statusChanged(running);
    await events.statusChanged({ ...running, status: "success", finishedAt: new Date(), logSha256: "" });
  }
  expect(statuses).toEqual(["building", "success"]);
  expect(collector.spans.filter(({ name }) => name === "deployment")).toHaveLength(1);
});

test("a collector that fails is reported without the headers, and nothing else fails", async () => {
  await using refusing = await startTraceCollector({ status: 400 });
  {
    await using _traces = await open(refusing.url);
    reportSpan(span);
  }
  expect(errors).toHaveLength(1);
  expect(JSON.stringify(errors)).not.toContain("secret");
});

test("without a collector nothing is traced", async () => {
  await using _traces = await openTraces({
    process: "api",
    instance: "api",
    collector: null,
    onError: (error) => void errors.push(error),
  });
  expect(isTraced()).toBe(false);
  reportSpan(span);
  expect(
    await withinSpan(
      () => parent,
      () => measured("engine", async () => 7, "answer"),
    ),
  ).toBe(7);
  expect(collector.spans).toEqual([]);
});
