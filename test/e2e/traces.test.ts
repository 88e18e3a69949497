// A deployment's trace, as the collector receives it from the API and from a worker.

import { readFile } from "node:fs/promises";
import { expect, inject, test } from "vitest";
import { poll } from "@slipway/async";
import { packTarGz } from "@slipway/testkit";
import type { ReceivedSpan } from "@slipway/testkit";
import { answering, inlineApp } from "./apps.ts";
import { call, createApp, deployed } from "./slipway.ts";

async function spansOf(traceId: string): Promise<ReceivedSpan[]> {
  return (await (await fetch(`${inject("collectorUrl")}/traces/${traceId}`)).json()) as ReceivedSpan[];
}

test("a deployment is one trace, from the request to the cutover, with the calls of engine, registry and database", async () => {
  const app = await createApp("traced");
  const { deployment } = await deployed(app.name, await packTarGz(inlineApp("true", answering("traced"))));
  expect(deployment.status).toBe("success");
  const path = `/v1/apps/${app.name}/deployments/${deployment.id}/timeline`;
  const { timeline } = await call<{ timeline: { trace_id: string } }>("GET", path);
  // The API and the worker send their batches independently.
  const complete = async () => {
    const received = await spansOf(timeline.trace_id);
    const names = new Set(received.map(({ name }) => name));
    return names.has("deployment") && names.has("POST /v1/apps/:app/deployments") && received;
  };
  const spans = await poll(complete, { everyMs: 250 });
  const named = (name: string) => spans.find((span) => span.name === name);
  const parentOf = (span: ReceivedSpan | undefined) =>
    spans.find(({ spanId }) => spanId === span?.parentSpanId)?.name;
  for (const phase of ["fetch", "plan", "unpack", "build", "push", "release", "start", "cutover"])
    expect([phase, parentOf(named(phase))]).toEqual([phase, "attempt"]);
  for (const part of ["attempt", "wait for a worker", "POST /v1/apps/:app/deployments"])
    expect([part, parentOf(named(part))]).toEqual([part, "deployment"]);
  const parentsOf = (name: string) => spans.filter((span) => span.name === name).map(parentOf);
  expect(parentsOf("engine: start the container")).toEqual(["build", "start"]);
  expect(parentsOf("registry: PUT manifests")).toContain("push");
  expect(parentsOf("store: releases.create")).toContain("release");
  expect(spans.filter(({ parentSpanId }) => parentSpanId === undefined)).toEqual([named("deployment")]);
  expect(new Set(spans.map(({ service }) => service))).toEqual(new Set(["slipway-api", "slipway-worker"]));
  const folder = inject("logFolder");
  const logs = await Promise.all([1, 2].map((number) => readFile(`${folder}/worker-${number}.log`, "utf8")));
  const lines = logs
    .join("")
    .split("\n")
    .filter((line) => line.includes(timeline.trace_id));
  expect(lines.filter((line) => line.includes("deployment attempt")).length).toBe(2);
});
