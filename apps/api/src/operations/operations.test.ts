import { randomUUID } from "node:crypto";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { changeApp, claimOperation, endOperation, maxPendingOperations } from "@slipway/core";
import type { Operation, Release } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import type {
  AppAnswer,
  AppBody,
  AppsAnswer,
  ContainersAnswer,
  ContainerTypesAnswer,
  DeploymentAnswer,
  InstancesSeen,
  OperationAnswer,
  ReleasesAnswer,
} from "@slipway/protocol";
import { openLanes } from "@slipway/queue";
import { aName, aNewRelease, lacksRedis } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi, TestUser } from "../../test-support/api.ts";

describe.skipIf(await lacksRedis())("an app", () => {
  let api: TestApi;
  let ada: TestUser;
  let app: AppBody;
  let redis: Redis;

  beforeAll(async () => {
    api = await startTestApi();
    ada = await api.newUser();
    redis = new Redis(api.config.redisUrl);
  });
  afterAll(async () => {
    redis.disconnect();
    await api[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    app = await api.createApp(ada.token);
  });

  const request = (method: string, rest: string, body?: unknown, token = ada.token) =>
    api.request(token, method, `/v1/apps/${app.name}${rest}`, body);
  const scale = (amount: unknown, more: object = {}) =>
    request("POST", "/scale", { containers: [{ name: "web", amount, ...more }] });
  const statusNow = async () => ((await request("GET", "")).body as AppAnswer).app.status;

  /** Creates a release and makes it the current one, as a worker does. */
  async function serve(webCount = 1): Promise<Release> {
    const release = await api.store.releases.create(
      aNewRelease({ appId: app.id, gitRef: "v1", environment: { API_KEY: "hunter2-hunter2" } }),
    );
    const before = await api.store.apps.get(app.id);
    if (before === null) throw new Error("the app is not stored");
    const facts = { currentReleaseId: release.id, currentRolloutId: release.id, webCount };
    await api.store.apps.compareAndSet(changeApp(before, new Date(), facts));
    return release;
  }

  async function stored(location: string | null): Promise<Operation> {
    const operation = await api.store.operations.get(location?.split("/").at(-1) ?? "");
    if (operation === null) throw new Error(`no operation at ${location}`);
    return operation;
  }

  async function jobOf(id: string): Promise<string> {
    const { redisUrl, installationId } = api.config;
    const { apps, deployments, operations } = api.store;
    const keys = redisKeys(installationId);
    await using lanes = openLanes({
      redisUrl,
      keys,
      apps,
      deployments,
      operations,
      onError: () => undefined,
    });
    return await lanes.jobState(id);
  }

  test("an app is scaled by an operation that is added to BullMQ and that clients can poll", async () => {
    await serve();
    const answer = await scale(2, { size: "M" });
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({
      containers: [{ app_id: app.id, name: "web", amount: 2, command: "npm start", size: "M" }],
    });
    const location = answer.headers.get("location");
    const operation = await stored(location);
    expect(location).toBe(`${api.url}/v1/apps/${app.id}/operations/${operation.id}`);
    expect(operation).toMatchObject({ kind: "scale", webCount: 2, requestedBy: ada.user.id });
    expect(await jobOf(operation.id)).toBe("live");
    const shown = async () =>
      ((await request("GET", `/operations/${operation.id}`)).body as OperationAnswer).operation;
    expect(await shown()).toEqual({
      id: operation.id,
      app_id: app.id,
      type: "scale",
      status: "pending",
      error: "",
      created_at: operation.createdAt.toISOString(),
      started_at: null,
      finished_at: null,
    });

    const at = new Date();
    const running = claimOperation(operation, 1, at);
    await api.store.operations.compareAndSet(running);
    expect(await statusNow()).toBe("scaling");
    const failure = { code: "app-crashed", message: "the app exited with status 1" } as const;
    await api.store.operations.compareAndSet(endOperation(running, at, failure));
    expect(await shown()).toMatchObject({
      status: "error",
      error: failure.message,
      started_at: at.toISOString(),
      finished_at: at.toISOString(),
    });
  });

  test("an app shows the requested container counts before they are reached", async () => {
    const amount = async () =>
      ((await request("GET", "/containers")).body as ContainerTypesAnswer).containers.map(
        (type) => type.amount,
      );
    expect(await amount()).toEqual([1]);
    await scale(3);
    await scale(0);
    expect(await amount()).toEqual([0]);
    expect((await request("GET", "/autoscalers")).body).toEqual({ autoscalers: [] });
  });

  test.each([
    [{ containers: [] }, "containers"],
    [{}, "containers"],
    [{ containers: [{ name: "worker", amount: 1 }] }, "containers"],
    [
      {
        containers: [
          { name: "web", amount: 1 },
          { name: "web", amount: 2 },
        ],
      },
      "containers",
    ],
    [{ containers: [{ name: "web", amount: 1, size: "XL" }] }, "size"],
    [{ containers: [{ name: "web", amount: -1 }] }, "amount"],
    [{ containers: [{ name: "web", amount: 11 }] }, "amount"],
    [{ containers: [{ name: "web", amount: 1.5 }] }, "containers.0.amount"],
    [{ containers: [{ name: "web", amount: "2" }] }, "containers.0.amount"],
  ])("an app is not scaled by %j", async (body, field) => {
    const answer = await request("POST", "/scale", body);
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({ errors: { [field]: [expect.any(String)] } });
    expect(await api.store.operations.pending(app.id, 1)).toEqual([]);
  });

  test("an app can be restarted once it has a release, as a whole or by process type", async () => {
    const before = await request("POST", "/restart", {});
    expect([before.status, before.body]).toEqual([409, { error: expect.stringContaining("deploy") }]);
    await serve();
    for (const body of [{}, { scope: null }, { scope: [] }, { scope: ["web"] }, { scope: ["web-1"] }]) {
      const answer = await request("POST", "/restart", body);
      expect(answer.status).toBe(202);
      const operation = await stored(answer.headers.get("location"));
      expect(operation).toMatchObject({ kind: "restart", webCount: null, status: "pending" });
      expect(answer.body).toMatchObject({ operation: { id: operation.id, type: "restart" } });
    }
    const other = await request("POST", "/restart", { scope: ["worker"] });
    expect([other.status, other.body]).toMatchObject([422, { errors: { scope: [expect.any(String)] } }]);
  });

  test("an app has the status new, running, restarting or stopped", async () => {
    expect(await statusNow()).toBe("new");
    await serve();
    expect(await statusNow()).toBe("running");
    const answer = await request("POST", "/restart", {});
    const running = claimOperation(await stored(answer.headers.get("location")), 1, new Date());
    await api.store.operations.compareAndSet(running);
    expect(await statusNow()).toBe("restarting");
    const { apps } = (await api.request(ada.token, "GET", "/v1/apps")).body as AppsAnswer;
    expect(apps.find(({ id }) => id === app.id)?.status).toBe("restarting");
    await api.store.operations.compareAndSet(endOperation(running, new Date(), null));
    await serve(0);
    expect(await statusNow()).toBe("stopped");
  });

  test("an app has a maximum number of pending operations", async () => {
    await serve();
    for (let count = 0; count < maxPendingOperations; count += 1) {
      expect((await scale(count % 2)).status).toBe(202);
    }
    expect((await scale(1)).status).toBe(409);
    expect((await request("POST", "/restart", {})).status).toBe(409);
  });

  test("an app lists its containers as a worker last observed them", async () => {
    expect((await request("GET", "/ps")).body).toEqual({ containers: [] });
    const release = await serve();
    const createdAt = "2026-03-04T05:06:07.089Z";
    const instance = {
      releaseId: release.id,
      processType: "web",
      createdAt,
      memoryBytes: 536_870_912,
      cpus: 1,
      restartReason: null,
    };
    const seen: InstancesSeen = {
      seenAt: createdAt,
      instances: [
        { ...instance, id: "c1", index: 1, state: "running" },
        {
          ...instance,
          id: "c2",
          index: 2,
          state: "restarting",
          releaseId: randomUUID(),
          restartReason: "it wrote too much",
        },
      ],
    };
    await redis.set(redisKeys(api.config.installationId).appInstances(app.id), JSON.stringify(seen));
    const { containers } = (await request("GET", "/ps")).body as ContainersAnswer;
    expect(containers).toMatchObject([
      {
        id: "c1",
        app_id: app.id,
        type: "web",
        type_index: 1,
        label: "web-1",
        state: "running",
        command: "npm start",
        created_at: createdAt,
        deleted_at: null,
        container_size: { name: "M", human_name: "M", human_cpu: "1 CPU", memory: 536_870_912 },
      },
      { id: "c2", label: "web-2", state: "restarting", command: "", restart_reason: "it wrote too much" },
    ]);
  });

  test("an app lists its releases, newest first, with the current one marked and without variables", async () => {
    const [first, second] = [await serve(), await serve()];
    const answer = await request("GET", "/releases");
    expect((answer.body as ReleasesAnswer).releases).toMatchObject([
      { id: second.id, number: 2, current: true, deployment_id: second.deploymentId, git_ref: "v1" },
      { id: first.id, number: 1, current: false, image: first.image },
    ]);
    expect(answer.text).not.toContain("hunter2");
  });

  test("an app is rolled back by a deployment that names an earlier release", async () => {
    const first = await serve();
    await serve();
    const deploy = (deployment: object, key: string = randomUUID()) =>
      fetch(`${api.url}/v1/apps/${app.name}/deployments`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${ada.token}`,
          "content-type": "application/json",
          "idempotency-key": key,
        },
        body: JSON.stringify({ deployment }),
      });
    const answer = await deploy({ release: 1 }, "back");
    expect(answer.status).toBe(201);
    const { deployment } = (await answer.json()) as DeploymentAnswer;
    expect(deployment).toMatchObject({ status: "queued", type: "release", git_ref: "v1" });
    expect(await api.store.deployments.get(deployment.id)).toMatchObject({
      source: { kind: "release", releaseId: first.id },
    });
    const again = (await (await deploy({ release: 1 }, "back")).json()) as DeploymentAnswer;
    expect(again.deployment.id).toBe(deployment.id);
    expect((await deploy({ release: 2 }, "back")).status).toBe(422);
    const source_url = "https://example.com/a.tar.gz";
    expect((await deploy({ source_url }, "back")).status).toBe(422);

    const unknown = await deploy({ release: 3 });
    expect([unknown.status, await unknown.json()]).toEqual([
      404,
      { resource: "release", error: "release not found" },
    ]);
    for (const [body, field] of [
      [{ release: 1, source_url }, "release"],
      [{ release: 0 }, "release"],
      [{}, "source_url"],
    ] as const) {
      const refused = await deploy(body);
      expect([refused.status, await refused.json()]).toMatchObject([
        422,
        { errors: { [field]: [expect.any(String)] } },
      ]);
    }
  });

  test("an app cannot be seen or changed by other users", async () => {
    await serve();
    const operation = await stored((await scale(2)).headers.get("location"));
    const { token } = await api.newUser();
    for (const [method, rest, body] of [
      ["GET", "/containers"],
      ["GET", "/ps"],
      ["GET", "/releases"],
      ["GET", `/operations/${operation.id}`],
      ["POST", "/scale", { containers: [{ name: "web", amount: 0 }] }],
      ["POST", "/restart", {}],
    ] as const) {
      expect((await request(method, rest, body, token)).status).toBe(404);
    }
    const foreign = await api.request(token, "POST", "/v1/apps", { app: { name: aName() } });
    const path = `/v1/apps/${(foreign.body as AppAnswer).app.name}/operations/${operation.id}`;
    const answer = await api.request(token, "GET", path);
    expect([answer.status, answer.body]).toEqual([
      404,
      { resource: "operation", error: "operation not found" },
    ]);
  });
});
