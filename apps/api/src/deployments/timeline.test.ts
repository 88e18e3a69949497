import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { changeStatus, claim, failureOf, withPhases } from "@slipway/core";
import type { Deployment } from "@slipway/core";
import type { TimelineAnswer } from "@slipway/protocol";
import { joinFleet } from "@slipway/queue";
import { aNewDeployment, eventually, lacksRedis, unexpected } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi, TestUser } from "../../test-support/api.ts";
import { workerIdentity } from "../../test-support/worker.ts";

const at = (second: number) => new Date(Date.UTC(2026, 2, 4, 5, 6, second));
const iso = (second: number) => at(second).toISOString();
const origin = (jobAddedSecond: number) => ({
  worker: "worker-1",
  engine: "unix:///engine.sock",
  jobAddedAt: at(jobAddedSecond),
});

describe.skipIf(await lacksRedis())("a deployment's timeline", () => {
  let api: TestApi;
  let ada: TestUser;

  beforeAll(async () => {
    api = await startTestApi();
    ada = await api.newUser();
  });
  afterAll(() => api[Symbol.asyncDispose]());

  const newApp = () => api.createApp(ada.token);
  const create = (appId: string, second: number) =>
    api.store.deployments.create(aNewDeployment({ appId, ownerId: ada.user.id, createdAt: at(second) }));
  const stored = async (next: Deployment) => {
    expect(await api.store.deployments.compareAndSet(next)).toBe(true);
    return next;
  };
  const timelineOf = async ({ appId, id }: Deployment, token = ada.token) =>
    api.request(token, "GET", `/v1/apps/${appId}/deployments/${id}/timeline`);

  test("a timeline has the waits for the lane, a slot of the owner and a build slot, then attempts and phases", async () => {
    const app = await newApp();
    const [first, second] = [await create(app.id, 0), await create(app.id, 1)];
    const building = await stored(claim(first, 1, { at: at(0), lineCount: 0, origin: origin(0) }));
    await stored(changeStatus(building, "build-error", { at: at(10), lineCount: 3 }));
    const claimed = claim(second, 1, { at: at(20), lineCount: 0, origin: origin(12) });
    const phases = [
      { name: "fetch", startedAt: at(20), finishedAt: at(21), bytes: 42, reused: [], outcome: "success" },
      {
        name: "plan",
        startedAt: at(21),
        finishedAt: null,
        bytes: null,
        reused: ["toolchain"],
        outcome: null,
      },
    ] as const;
    const running = await stored({ ...claimed, timeline: withPhases(claimed.timeline, phases) });
    const failure = { ...failureOf({ code: "build-failed", message: "no" }), phase: "plan", line: 7 };
    const facts = { failure, logLineCount: 0, logSha256: "" };
    await stored(changeStatus(running, "build-error", { at: at(25), lineCount: 0, facts }));

    const { status, body } = await timelineOf(second);
    expect(status).toBe(200);
    const wait = (reason: string, from: number, to: number, deployment_id: string | null = null) => ({
      reason,
      deployment_id,
      started_at: iso(from),
      finished_at: iso(to),
    });
    expect(body).toEqual({
      timeline: {
        deployment_id: second.id,
        trace_id: null,
        created_at: iso(1),
        started_at: iso(20),
        finished_at: iso(25),
        status: "build-error",
        waits: [wait("app-busy", 1, 10, first.id), wait("owner-slots", 10, 12), wait("build-slots", 12, 20)],
        attempts: [
          {
            number: 1,
            worker: "worker-1",
            worker_state: null,
            worker_seen_at: null,
            engine: null,
            started_at: iso(20),
            finished_at: iso(25),
            outcome: "failed",
            phases: [
              {
                name: "fetch",
                started_at: iso(20),
                finished_at: iso(21),
                bytes: 42,
                reused: [],
                outcome: "success",
              },
              {
                name: "plan",
                started_at: iso(21),
                finished_at: iso(25),
                bytes: null,
                reused: ["toolchain"],
                outcome: "failed",
              },
            ],
          },
        ],
      },
    });
    const toOperator = await timelineOf(second, api.operatorToken);
    expect(toOperator.body).toMatchObject({ timeline: { attempts: [{ engine: "unix:///engine.sock" }] } });
    const shown = await api.request(ada.token, "GET", `/v1/apps/${app.id}/deployments/${second.id}`);
    expect(shown.body).toMatchObject({
      deployment: { failure: { code: "build-failed", message: "no", phase: "plan", line: 7 } },
    });
    expect(shown.body).toHaveProperty("deployment.failure.hint", failure.hint);
  });

  test("an attempt that runs has the state of its worker, which is lost without heartbeats", async () => {
    const app = await newApp();
    const building = claim(await create(app.id, 0), 2, { at: at(0), lineCount: 0, origin: origin(0) });
    const deployment = await stored(building);
    const running = async () => ((await timelineOf(deployment)).body as TimelineAnswer).timeline.attempts[0];
    expect(await running()).toMatchObject({ worker_state: null, worker_seen_at: null });
    const { redis, keys } = api.service.context;
    const fleet = { redis, keys, onError: unexpected, countUsers: async () => 1 };
    const worker = joinFleet(fleet, { ...workerIdentity, heartbeatMs: 60_000 }, () => new Date());
    const ended = Promise.withResolvers<void>();
    const task = { type: "deploy", id: deployment.id, appId: app.id, attempt: 2 } as const;
    const listed = worker.during(task, () => ended.promise);
    await eventually(async () => (await running())?.worker_state === "ready");
    expect(Date.parse((await running())?.worker_seen_at ?? "")).not.toBeNaN();
    worker.drain();
    await eventually(async () => (await running())?.worker_state === "draining");
    await redis.zincrby(keys.workersSeen, -600_000, workerIdentity.id);
    expect(await running()).toMatchObject({ worker_state: "lost" });
    ended.resolve();
    await listed;
    await worker[Symbol.asyncDispose]();
    await eventually(async () => (await running())?.worker_state === null);
  });

  test("a queued deployment has an open wait, for the earlier one or for a worker", async () => {
    const app = await newApp();
    const [first, second] = [await create(app.id, 0), await create(app.id, 1)];
    const waits = async (deployment: Deployment) =>
      ((await timelineOf(deployment)).body as { timeline: { waits: unknown } }).timeline.waits;
    expect(await waits(first)).toEqual([
      { reason: "no-worker", deployment_id: null, started_at: iso(0), finished_at: null },
    ]);
    expect(await waits(second)).toEqual([
      { reason: "app-busy", deployment_id: first.id, started_at: iso(1), finished_at: null },
    ]);
  });

  test("a timeline is not found by users without a role in the app", async () => {
    const deployment = await create((await newApp()).id, 0);
    const { token } = await api.newUser();
    expect((await timelineOf(deployment, token)).status).toBe(404);
    expect((await timelineOf({ ...deployment, id: randomUUID() })).status).toBe(404);
  });
});
