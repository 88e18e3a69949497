import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import type { AppBody, DeploymentAnswer } from "@slipway/protocol";
import { openLanes, startLaneWorker } from "@slipway/queue";
import { lacksRedis, stepsTo } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi, TestUser } from "../../test-support/api.ts";

const archiveUrl = "https://example.com/archive/master.tar.gz";

describe.skipIf(await lacksRedis())("a deployment", () => {
  let api: TestApi;
  let ada: TestUser;
  let app: AppBody;

  beforeAll(async () => {
    api = await startTestApi();
    ada = await api.newUser();
  });
  afterAll(() => api[Symbol.asyncDispose]());
  beforeEach(async () => {
    app = await api.createApp(ada.token);
  });

  const path = (rest = "") => `/v1/apps/${app.name}/deployments${rest}`;
  const deploy = async () => {
    const deployment = { source_url: archiveUrl };
    return ((await api.request(ada.token, "POST", path(), { deployment })).body as DeploymentAnswer)
      .deployment;
  };
  const abort = (id: string, token = ada.token) => api.request(token, "POST", path(`/${id}/abort`));
  const stored = async (id: string) => {
    const deployment = await api.store.deployments.get(id);
    if (deployment === null) throw new Error("the deployment is not stored");
    return deployment;
  };

  test("a deployment that is queued is aborted at once, its log names the user, and the next one becomes the head of the lane", async () => {
    const [first, second] = [await deploy(), await deploy()];
    const answer = await abort(first.id);
    const failure = { code: "aborted", message: `by ${ada.user.username}` };
    expect([answer.status, answer.body]).toMatchObject([
      200,
      { deployment: { id: first.id, status: "aborted", failure } },
    ]);
    const { text } = await api.request(ada.token, "GET", path(`/${first.id}/output`));
    expect(text).toBe(` !     Aborted: by ${ada.user.username}\n`);
    expect(await stored(first.id)).toMatchObject({ logLineCount: 1, logSha256: expect.any(String) });
    expect((await api.store.deployments.lane(app.id, 9)).map(({ id }) => id)).toEqual([second.id]);
    expect((await abort(first.id)).status).toBe(200);
    const followed = await api.request(ada.token, "GET", path(`/${first.id}/output?follow=1`));
    expect(followed.text.match(/(?<=event: )\w+|Aborted/g)).toEqual([
      "status",
      "log",
      "Aborted",
      "status",
      "end",
    ]);
  });

  /** Starts a worker that claims the deployment and runs it until the abort. @returns the abort's reason. */
  async function startWorkerOn(id: string): Promise<{ reason: Promise<unknown> } & AsyncDisposable> {
    const [started, aborted] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()];
    const { redisUrl, installationId } = api.config;
    const keys = redisKeys(installationId);
    const onError = () => {};
    const lanes = openLanes({ redisUrl, keys, ...api.store, onError });
    const worker = await startLaneWorker({
      redisUrl,
      keys,
      lanes,
      name: "test",
      concurrency: 1,
      operationConcurrency: 1,
      leaseMs: 30_000,
      work: {
        deploy: {
          run: async ({ id: taskId }, signal) => {
            if (taskId !== id) return;
            started.resolve();
            if (!signal.aborted) await once(signal, "abort");
            aborted.resolve(signal.reason);
          },
          exhaust: async () => {},
        },
        operate: { run: async () => {}, exhaust: async () => {} },
      },
      onError,
    });
    await started.promise;
    return {
      reason: aborted.promise,
      [Symbol.asyncDispose]: async () => {
        await worker.stop({ graceMs: 1_000 });
        await lanes[Symbol.asyncDispose]();
      },
    };
  }

  test("a deployment that runs is aborted in the store, and its worker is notified, which closes the log", async () => {
    const { id } = await deploy();
    await using worker = await startWorkerOn(id);
    for (const step of stepsTo(await stored(id), "pushing")) await api.store.deployments.compareAndSet(step);
    expect((await abort(id)).status).toBe(200);
    expect(await worker.reason).toMatchObject({ code: "aborted" });
    expect(await stored(id)).toMatchObject({ status: "aborted", logSha256: null });
  });

  test("a deployment that waits for its next attempt has its log closed by the API, because no worker runs it", async () => {
    const { id } = await deploy();
    for (const step of stepsTo(await stored(id), "building")) await api.store.deployments.compareAndSet(step);
    expect((await abort(id)).status).toBe(200);
    expect(await stored(id)).toMatchObject({
      status: "aborted",
      logLineCount: 1,
      logSha256: expect.any(String),
    });
  });

  test("a deployment that has ended, or whose release goes live, cannot be aborted: 409", async () => {
    const ended = await deploy();
    for (const step of stepsTo(await stored(ended.id), "success")) {
      await api.store.deployments.compareAndSet(step);
    }
    const answer = await abort(ended.id);
    expect([answer.status, answer.body]).toEqual([
      409,
      { error: "the deployment has already ended with success" },
    ]);
    const live = await deploy();
    for (const step of stepsTo(await stored(live.id), "starting")) {
      await api.store.deployments.compareAndSet(step);
    }
    const starting = await stored(live.id);
    const marked = { ...starting, releaseId: "r1", revision: starting.revision + 1 };
    expect(await api.store.deployments.compareAndSet(marked)).toBe(true);
    expect((await abort(live.id)).status).toBe(409);
  });

  test("a deployment of another user, or that does not exist, is not found", async () => {
    const { id } = await deploy();
    const otherUser = await api.newUser();
    expect((await abort(id, otherUser.token)).status).toBe(404);
    expect((await abort("nothing")).status).toBe(404);
    expect((await stored(id)).status).toBe("queued");
  });

  describe("requested with an Idempotency-Key", () => {
    const deployWithKey = async (key: string, fields: Record<string, unknown> = {}, token = ada.token) => {
      const headers = {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "idempotency-key": key,
      };
      const deployment = { source_url: archiveUrl, ...fields };
      const body = JSON.stringify({ deployment });
      const answer = await fetch(new URL(path(), api.url), { method: "POST", headers, body });
      const { deployment: created } = (await answer.json()) as Partial<DeploymentAnswer>;
      return { status: answer.status, replayed: answer.headers.get("idempotent-replayed"), id: created?.id };
    };

    test("a deployment requested with an Idempotency-Key is created once for repeated and concurrent requests", async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => deployWithKey("k1")));
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
      expect(await deployWithKey("k1")).toEqual({ status: 201, replayed: "true", id: answers[0]?.id });
      expect((await api.store.deployments.lane(app.id, 99)).length).toBe(1);
      expect((await deployWithKey("k2")).id).not.toBe(answers[0]?.id);
    });

    test("a deployment requested with an Idempotency-Key is found again after its source was deleted", async () => {
      const answer = await api.request(ada.token, "POST", "/v1/sources", {});
      const { source } = answer.body as { source: { upload_url: string; download_url: string } };
      await fetch(source.upload_url, { method: "PUT", body: "archive" });
      const first = await deployWithKey("k", { source_url: source.download_url });
      const id = new URL(source.download_url).pathname.split("/")[3] ?? "";
      await api.store.sources.remove(id);
      expect(await deployWithKey("k", { source_url: source.download_url })).toMatchObject({
        id: first.id,
        status: 201,
      });
    });

    test("a deployment requested with an Idempotency-Key is replayed only for the same user, app and request", async () => {
      const first = await deployWithKey("k");
      expect((await deployWithKey("k", {}, api.operatorToken)).id).not.toBe(first.id);
      expect((await deployWithKey("k", { git_ref: "other" })).status).toBe(422);
      expect((await deployWithKey("k", { source_url: `${archiveUrl}?other` })).status).toBe(422);
      expect((await deployWithKey("x".repeat(256))).status).toBe(422);
    });

    test("a deployment requested with an Idempotency-Key is created for one of several concurrent requests that differ", async () => {
      const answers = await Promise.all([1, 2, 3].map((ref) => deployWithKey("k", { git_ref: `v${ref}` })));
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 422, 422]);
      expect(await api.store.deployments.lane(app.id, 99)).toHaveLength(1);
    });

    test("a deployment requested with an Idempotency-Key does not conflict with its own repetitions in an app that rejects concurrent deployments", async () => {
      await api.request(ada.token, "PATCH", `/v1/apps/${app.name}`, {
        app: { concurrency_policy: "reject" },
      });
      const answers = await Promise.all(Array.from({ length: 8 }, () => deployWithKey("k")));
      expect(new Set(answers.map(({ status, id }) => `${status} ${id}`))).toEqual(
        new Set([`201 ${answers[0]?.id}`]),
      );
    });

    test("a deployment requested with an Idempotency-Key can be requested again after a rejection", async () => {
      await api.request(ada.token, "PATCH", `/v1/apps/${app.name}`, {
        app: { concurrency_policy: "reject" },
      });
      const keys = ["k1", "k2", "k3", "k4"];
      const answers = await Promise.all(keys.map((key) => deployWithKey(key)));
      const accepted = answers.findIndex(({ status }) => status === 201);
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(3);
      await abort(answers[accepted]?.id ?? "");
      for (const key of keys.toSpliced(accepted, 1)) {
        const again = await deployWithKey(key);
        expect(again).toMatchObject({ status: 201, replayed: null });
        expect(await stored(again.id ?? "")).toMatchObject({ status: "queued" });
        expect(await deployWithKey(key)).toEqual({ ...again, replayed: "true" });
        await abort(again.id ?? "");
      }
    });
  });
});
