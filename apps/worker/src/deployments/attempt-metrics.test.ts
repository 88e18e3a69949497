import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  changeStatus,
  claim,
  claimOperation,
  endOperation,
  failureOf,
  recordTimeline,
  SlipwayError,
  withPhases,
} from "@slipway/core";
import type { App, ErrorCode } from "@slipway/core";
import { openLogWriter } from "@slipway/logs";
import { maxAttempts } from "@slipway/queue";
import { createLogger } from "@slipway/service";
import { openMetrics } from "@slipway/telemetry";
import type { Metrics } from "@slipway/telemetry";
import { aNewDeployment, anApp, anOperation, lacksRedis, scrapeMetrics, unexpected } from "@slipway/testkit";
import { logAttempt } from "./attempt-log.ts";
import { openTestContext } from "../../test-support/test-context.ts";
import type { TestContext } from "../../test-support/test-context.ts";

describe.skipIf(await lacksRedis())("the worker's metrics", () => {
  let opened: AsyncDisposableStack;
  let context: TestContext;
  let metrics: Metrics;
  let app: App;

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    const address = { host: "127.0.0.1", port: 0 };
    const options = { process: "worker", instance: "worker-1", onError: unexpected } as const;
    metrics = opened.use(await openMetrics({ ...options, address }));
    const logger = createLogger({ name: "worker", destination: { write: () => undefined } });
    context = { ...(await openTestContext(opened, {})), logger };
    app = anApp();
    await context.store.apps.create(app);
  });
  afterEach(() => opened.disposeAsync());

  const scrape = () => scrapeMetrics(metrics.url ?? "");
  const second = (offset: number) => new Date(Date.UTC(2026, 0, 1) + offset * 1_000);

  test("a deployment is recorded once, with its wait, its duration and the durations of its phases", async () => {
    const { deployments } = context.store;
    const created = aNewDeployment({ appId: app.id, createdAt: second(0) });
    const queued = await deployments.create(created);
    const task = { type: "deploy" as const, id: queued.id, appId: app.id, attempt: 1, tryNumber: 1 };
    await logAttempt(context, task, async () => {
      const claimed = claim(queued, 1, { at: second(20), lineCount: 0 });
      await deployments.compareAndSet(claimed);
      const phase = { bytes: null, reused: [], startedAt: second(21) };
      const phases = [
        { ...phase, name: "fetch", finishedAt: second(23), outcome: "success" as const },
        { ...phase, name: "build", finishedAt: null, outcome: null },
      ];
      const timed = recordTimeline(claimed, withPhases(claimed.timeline, phases));
      await deployments.compareAndSet(timed);
      const failure = failureOf({ code: "build-failed", message: "no script" });
      const change = { at: second(61), lineCount: 0, facts: { failure } };
      await deployments.compareAndSet(changeStatus(timed, "build-error", change));
    });
    // The deployment is final, so a further attempt has nothing to do.
    await logAttempt(context, { ...task, attempt: 2 }, async () => undefined);
    const { value } = await scrape();
    expect(value("slipway_deployments_total", { status: "build-error" })).toBe(1);
    expect(value("slipway_attempts_total", { kind: "deployment", outcome: "ended" })).toBe(2);
    expect(value("slipway_deployment_queue_wait_seconds_sum")).toBe(20);
    expect(value("slipway_deployment_duration_seconds_sum", { status: "build-error" })).toBe(41);
    const phases = "slipway_deployment_phase_duration_seconds";
    expect(value(`${phases}_sum`, { phase: "fetch", outcome: "success" })).toBe(2);
    expect(value(`${phases}_sum`, { phase: "build", outcome: "failed" })).toBe(40);
    expect(value(`${phases}_bucket`, { phase: "build", le: "30" })).toBe(0);
  });

  test("an operation is counted by its status", async () => {
    const { operations } = context.store;
    const operation = anOperation({ appId: app.id, webCount: null });
    await operations.create(operation);
    const task = { type: "operate" as const, id: operation.id, appId: app.id, attempt: 1, tryNumber: 1 };
    await logAttempt(context, task, async () => {
      const claimed = claimOperation(operation, 1, new Date());
      await operations.compareAndSet(claimed);
      await operations.compareAndSet(endOperation(claimed, new Date(), null));
    });
    const { value } = await scrape();
    expect(value("slipway_operations_total", { status: "done" })).toBe(1);
    expect(value("slipway_attempts_total", { kind: "operation", outcome: "ended" })).toBe(1);
  });

  test.for<[ErrorCode, number, string]>([
    ["requeued", 1, "requeued"],
    ["store-unavailable", maxAttempts, "requeued"],
    ["engine-unavailable", 1, "retried"],
    ["engine-unavailable", maxAttempts, "failed"],
    ["lease-lost", 1, "lost"],
  ])("an attempt that fails with %s at try %i is counted as %s", async ([code, attempt, outcome]) => {
    const { id } = await context.store.deployments.create(aNewDeployment({ appId: app.id }));
    const task = { type: "deploy" as const, id, appId: app.id, attempt, tryNumber: attempt };
    const error = new SlipwayError(code, "the attempt failed");
    await expect(logAttempt(context, task, () => Promise.reject(error))).rejects.toBe(error);
    const { samples, value } = await scrape();
    expect(value("slipway_attempts_total", { kind: "deployment", outcome })).toBe(1);
    expect(samples.filter(({ name }) => name === "slipway_deployments_total")).toEqual([]);
  });

  test("lines of logs are counted", async () => {
    const { id } = await context.store.deployments.create(aNewDeployment({ appId: app.id }));
    const subject = { appId: app.id, deploymentId: id, attempt: 1, secrets: [] };
    await using log = await openLogWriter({ ...subject, ...context, bus: context });
    log.line("one");
    await log.write(Buffer.from("two\nthree\n"));
    await log.end();
    expect((await scrape()).value("slipway_log_lines_total")).toBe(3);
  });
});
