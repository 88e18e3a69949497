import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endOperation } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import type { AppBody, DeploymentAnswer, DeploymentBody } from "@slipway/protocol";
import { joinFleet, openLanes } from "@slipway/queue";
import { aNewDeployment, anOperation, lacksRedis, stepsTo } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi, TestUser } from "../../test-support/api.ts";
import { workerIdentity } from "../../test-support/worker.ts";

const archiveUrl = "https://example.com/archive/master.tar.gz";

describe.skipIf(await lacksRedis())("an app's lane", () => {
  let api: TestApi;
  let redis: Redis;
  let ada: TestUser;

  beforeAll(async () => {
    api = await startTestApi({ OWNER_SLOTS: "2", RESERVED_SLOTS: "0", APP_QUEUE_MAX: "3" });
    redis = new Redis(api.config.redisUrl);
    ada = await api.newUser();
  });
  afterAll(async () => {
    redis.disconnect();
    await api[Symbol.asyncDispose]();
  });

  const newApp = (fields: object = {}, token = ada.token) => api.createApp(token, fields);
  const deploy = (app: AppBody, token = ada.token) =>
    api.request(token, "POST", `/v1/apps/${app.name}/deployments`, {
      deployment: { source_url: archiveUrl },
    });
  const deployed = async (app: AppBody, token = ada.token): Promise<DeploymentBody> =>
    ((await deploy(app, token)).body as DeploymentAnswer).deployment;
  const show = async (
    { id, app_id }: Pick<DeploymentBody, "id" | "app_id">,
    token = ada.token,
  ): Promise<DeploymentBody> =>
    ((await api.request(token, "GET", `/v1/apps/${app_id}/deployments/${id}`)).body as DeploymentAnswer)
      .deployment;
  const advance = async ({ id }: DeploymentBody, status: "building" | "success") => {
    const stored = await api.store.deployments.get(id);
    if (stored === null) throw new Error("the deployment is not stored");
    for (const step of stepsTo(stored, status)) await api.store.deployments.compareAndSet(step);
  };
  const waiting = async ({ id }: AppBody) =>
    (await api.store.deployments.lane(id, 99)).map((each) => each.id);

  test("an app's lane queues deployments in order by default, and after a change back to queue", async () => {
    const app = await newApp();
    expect(app.concurrency_policy).toBe("queue");
    const [first, second] = [await deployed(app), await deployed(app)];
    expect(await waiting(app)).toEqual([first.id, second.id]);
    const change = (concurrency_policy: unknown) =>
      api.request(ada.token, "PATCH", `/v1/apps/${app.name}`, { app: { concurrency_policy } });
    expect((await change("reject")).body).toMatchObject({ app: { concurrency_policy: "reject" } });
    expect((await deploy(app)).status).toBe(409);
    expect((await change("queue")).status).toBe(200);
    expect((await deploy(app)).status).toBe(201);
    for (const wrong of ["fastest", null, undefined, 1]) expect((await change(wrong)).status).toBe(422);
  });

  test("an app's lane keeps only the newest queued deployment with supersede, and the running one", async () => {
    const app = await newApp({ concurrency_policy: "supersede" });
    const running = await deployed(app);
    await advance(running, "building");
    const [older, newer] = [await deployed(app), await deployed(app)];
    expect(await waiting(app)).toEqual([newer.id]);
    expect(await show(running)).toMatchObject({ status: "building" });
    const reason = `superseded by deployment ${newer.id}`;
    expect(await show(older)).toMatchObject({ status: "aborted", failure: { message: reason } });
    const { text } = await api.request(
      ada.token,
      "GET",
      `/v1/apps/${app.name}/deployments/${older.id}/output`,
    );
    expect(text).toBe(` !     Aborted: ${reason}\n`);
    await Promise.all(Array.from({ length: 6 }, () => deploy(app)));
    expect(await waiting(app)).toHaveLength(1);
  });

  test("an app's lane accepts one of several concurrent deployments with reject, and none while one is queued or running", async () => {
    const app = await newApp({ concurrency_policy: "reject" });
    const answers = await Promise.all(Array.from({ length: 6 }, () => deploy(app)));
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([201, 409, 409, 409, 409, 409]);
    const [id] = await waiting(app);
    const taken = { id, app_id: app.id } as DeploymentBody;
    await advance(taken, "building");
    const refused = await deploy(app);
    expect(refused.status).toBe(409);
    expect(refused.body).toEqual({ error: expect.stringContaining("concurrency_policy is reject") });
    await advance(taken, "success");
    expect((await deploy(app)).status).toBe(201);
  });

  test("an app's lane has a maximum length, also for concurrent requests, and accepts more after an abort", async () => {
    const app = await newApp();
    const answers = await Promise.all(Array.from({ length: 6 }, () => deploy(app)));
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([201, 201, 201, 409, 409, 409]);
    const refused = await deploy(app);
    expect([refused.status, refused.body]).toEqual([
      409,
      { error: "the app already has 3 queued deployments" },
    ]);
    const [first = ""] = await waiting(app);
    await api.request(ada.token, "POST", `/v1/apps/${app.name}/deployments/${first}/abort`);
    expect((await deploy(app)).status).toBe(201);
  });

  test("an app's lane shows each queued deployment's position and why it waits", async () => {
    const bob = await api.newUser();
    const app = await newApp({}, bob.token);
    const [first, second] = [await deployed(app, bob.token), await deployed(app, bob.token)];
    expect((await show(first, bob.token)).queue).toEqual({
      position: 1,
      reason: "no-worker",
      estimated_seconds: null,
    });
    expect((await show(second, bob.token)).queue).toMatchObject({ position: 2, reason: "app-busy" });
    const keys = redisKeys(api.config.installationId);
    await using _worker = joinFleet(
      { redis, keys, onError: () => undefined, countUsers: async () => 2 },
      // It stays alive on a busy machine too.
      { ...workerIdentity, heartbeatMs: 60_000 },
      () => new Date(),
    );
    const firstNow = async () => (await show(first, bob.token)).queue;
    await expect
      .poll(firstNow)
      .toEqual({ position: 1, reason: "build-slots", estimated_seconds: expect.any(Number) });
    const operation = anOperation({ appId: app.id });
    await api.store.operations.create(operation);
    expect((await show(first, bob.token)).queue).toMatchObject({ position: 1, reason: "app-busy" });
    await api.store.operations.compareAndSet(endOperation(operation, new Date(), null));
    // The owner's two slots go to the first deployments in the lanes of this app and the next one.
    const [next, third] = [await newApp({}, bob.token), await newApp({}, bob.token)];
    await deployed(next, bob.token);
    const beyond = await deployed(third, bob.token);
    expect((await show(beyond, bob.token)).queue).toMatchObject({ position: 1, reason: "owner-slots" });
    const rollback = await api.store.deployments.create(
      aNewDeployment({
        appId: (await newApp({}, bob.token)).id,
        ownerId: bob.user.id,
        source: { kind: "release", releaseId: "r1" },
      }),
    );
    expect((await show({ id: rollback.id, app_id: rollback.appId }, bob.token)).queue).toMatchObject({
      reason: "operation-slots",
    });
    await api.service.context.lanes.queues[0]?.pause();
    const paused = { position: 1, reason: "queue-paused", estimated_seconds: null };
    expect((await show(first, bob.token)).queue).toEqual(paused);
    await api.service.context.lanes.queues[0]?.resume();
    await advance(first, "building");
    expect((await show(first, bob.token)).queue).toBeUndefined();
    expect((await show(second, bob.token)).queue).toMatchObject({ position: 1, reason: "app-busy" });
  });

  test("an app's lane enqueues the next deployment when its head is aborted before a worker claims it", async () => {
    const eve = await api.newUser();
    const app = await newApp({}, eve.token);
    const [first, second] = [await deployed(app, eve.token), await deployed(app, eve.token)];
    const { redisUrl, installationId } = api.config;
    const keys = redisKeys(installationId);
    await using lanes = openLanes({ redisUrl, keys, ...api.store, onError: () => undefined });
    expect(await lanes.jobState(second.id)).toBe("gone");
    await api.request(eve.token, "POST", `/v1/apps/${app.name}/deployments/${first.id}/abort`);
    expect(await lanes.jobState(first.id)).toBe("gone");
    expect(await lanes.jobState(second.id)).toBe("live");
  });
});
