import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { redisKeys } from "@slipway/protocol";
import type { AppAnswer, AppBody, DeploymentAnswer } from "@slipway/protocol";
import { openLanes, startLaneWorker } from "@slipway/queue";
import { aName, lacksRedis, stepsTo } from "@slipway/testkit";
import { startTestApi } from "./test-api.ts";
import type { TestApi } from "./test-api.ts";

const archiveUrl = "https://example.com/archive/master.tar.gz";

describe.skipIf(await lacksRedis())("a deployment", () => {
  let api: TestApi;
  let ada: Awaited<ReturnType<TestApi["newUser"]>>;
  let app: AppBody;

  beforeAll(async () => {
    api = await startTestApi();
    ada = await api.newUser();
  });
  afterAll(() => api[Symbol.asyncDispose]());
  beforeEach(async () => {
    const body = { app: { name: aName() } };
    app = ((await api.ask(ada.token, "POST", "/v1/apps", body)).body as AppAnswer).app;
  });

  const path = (rest = "") => `/v1/apps/${app.name}/deployments${rest}`;
  const deploy = async () => {
    const deployment = { source_url: archiveUrl };
    return ((await api.ask(ada.token, "POST", path(), { deployment })).body as DeploymentAnswer).deployment;
  };
  const abort = (id: string, token = ada.token) => api.ask(token, "POST", path(`/${id}/abort`));
  const stored = async (id: string) => {
    const deployment = await api.store.deployments.get(id);
    if (deployment === null) throw new Error("the deployment is not stored");
    return deployment;
  };

  test("that waits is aborted at once, by whom stands in its log, and the next one moves up", async () => {
    const [first, second] = [await deploy(), await deploy()];
    const answer = await abort(first.id);
    const failure = { code: "aborted", message: `by ${ada.user.username}` };
    expect([answer.status, answer.body]).toMatchObject([
      200,
      { deployment: { id: first.id, status: "aborted", failure } },
    ]);
    const { text } = await api.ask(ada.token, "GET", path(`/${first.id}/output`));
    expect(text).toBe(` !     Aborted: by ${ada.user.username}\n`);
    expect(await stored(first.id)).toMatchObject({ logLineCount: 1, logSha256: expect.any(String) });
    expect((await api.store.deployments.lane(app.id, 9)).map(({ id }) => id)).toEqual([second.id]);
    expect((await abort(first.id)).status).toBe(200);
    const followed = await api.ask(ada.token, "GET", path(`/${first.id}/output?follow=1`));
    expect(followed.text.match(/(?<=event: )\w+|Aborted/g)).toEqual([
      "status",
      "log",
      "Aborted",
      "status",
      "end",
    ]);
  });

  /** A worker that takes the deployment and has it until it is told to stop. @returns why it was told to. */
  async function takenBy(id: string): Promise<{ reason: Promise<unknown> } & AsyncDisposable> {
    const [taken, told] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()];
    const { REDIS_URL: redisUrl, INSTALLATION_ID } = api.config;
    const keys = redisKeys(INSTALLATION_ID);
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
            taken.resolve();
            if (!signal.aborted) await once(signal, "abort");
            told.resolve(signal.reason);
          },
          exhaust: async () => {},
        },
        operate: { run: async () => {}, exhaust: async () => {} },
      },
      onError,
    });
    await taken.promise;
    return {
      reason: told.promise,
      [Symbol.asyncDispose]: async () => {
        await worker.stop({ graceMs: 1_000 });
        await lanes[Symbol.asyncDispose]();
      },
    };
  }

  test("that runs is aborted in the store, and its worker is told, which closes the log", async () => {
    const { id } = await deploy();
    await using worker = await takenBy(id);
    for (const step of stepsTo(await stored(id), "pushing")) await api.store.deployments.compareAndSet(step);
    expect((await abort(id)).status).toBe(200);
    expect(await worker.reason).toMatchObject({ code: "aborted" });
    expect(await stored(id)).toMatchObject({ status: "aborted", logSha256: null });
  });

  test("that waits for another attempt has its log closed, for no worker will", async () => {
    const { id } = await deploy();
    for (const step of stepsTo(await stored(id), "building")) await api.store.deployments.compareAndSet(step);
    expect((await abort(id)).status).toBe(200);
    expect(await stored(id)).toMatchObject({
      status: "aborted",
      logLineCount: 1,
      logSha256: expect.any(String),
    });
  });

  test("that has ended, or whose release goes live, is a conflict", async () => {
    const ended = await deploy();
    for (const step of stepsTo(await stored(ended.id), "success")) {
      await api.store.deployments.compareAndSet(step);
    }
    const answer = await abort(ended.id);
    expect([answer.status, answer.body]).toEqual([409, { error: "it has ended: success" }]);
    const live = await deploy();
    for (const step of stepsTo(await stored(live.id), "starting")) {
      await api.store.deployments.compareAndSet(step);
    }
    const starting = await stored(live.id);
    const marked = { ...starting, releaseId: "r1", revision: starting.revision + 1 };
    expect(await api.store.deployments.compareAndSet(marked)).toBe(true);
    expect((await abort(live.id)).status).toBe(409);
  });

  test("of somebody else, or that is not there, is not found", async () => {
    const { id } = await deploy();
    const stranger = await api.newUser();
    expect((await abort(id, stranger.token)).status).toBe(404);
    expect((await abort("nothing")).status).toBe(404);
    expect((await stored(id)).status).toBe("queued");
  });

  describe("asked for with an Idempotency-Key", () => {
    const ask = async (key: string, fields: Record<string, unknown> = {}, token = ada.token) => {
      const headers = {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "idempotency-key": key,
      };
      const deployment = { source_url: archiveUrl, ...fields };
      const body = JSON.stringify({ deployment });
      const answer = await fetch(new URL(path(), api.url), { method: "POST", headers, body });
      const { deployment: made } = (await answer.json()) as Partial<DeploymentAnswer>;
      return { status: answer.status, replayed: answer.headers.get("idempotent-replayed"), id: made?.id };
    };

    test("is made once, however often and at once it is asked for", async () => {
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask("k1")));
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
      expect(await ask("k1")).toEqual({ status: 201, replayed: "true", id: answers[0]?.id });
      expect((await api.store.deployments.lane(app.id, 99)).length).toBe(1);
      expect((await ask("k2")).id).not.toBe(answers[0]?.id);
    });

    test("is found though the upload's URL has ended meanwhile", async () => {
      const made = await api.ask(ada.token, "POST", "/v1/sources", {});
      const { source } = made.body as { source: { upload_url: string; download_url: string } };
      await fetch(source.upload_url, { method: "PUT", body: "archive" });
      const first = await ask("k", { source_url: source.download_url });
      const id = new URL(source.download_url).pathname.split("/")[3] ?? "";
      await api.store.sources.remove(id);
      expect(await ask("k", { source_url: source.download_url })).toMatchObject({
        id: first.id,
        status: 201,
      });
    });

    test("means the same user, the same app and the same request", async () => {
      const first = await ask("k");
      expect((await ask("k", {}, api.operatorToken)).id).not.toBe(first.id);
      expect((await ask("k", { git_ref: "other" })).status).toBe(422);
      expect((await ask("k", { source_url: `${archiveUrl}?other` })).status).toBe(422);
      expect((await ask("x".repeat(256))).status).toBe(422);
    });

    test("is one request's, of several with other wishes at once", async () => {
      const answers = await Promise.all([1, 2, 3].map((ref) => ask("k", { git_ref: `v${ref}` })));
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 422, 422]);
      expect(await api.store.deployments.lane(app.id, 99)).toHaveLength(1);
    });

    test("is not in its own way, where the app rejects", async () => {
      await api.ask(ada.token, "PATCH", `/v1/apps/${app.name}`, { app: { concurrency_policy: "reject" } });
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask("k")));
      expect(new Set(answers.map(({ status, id }) => `${status} ${id}`))).toEqual(
        new Set([`201 ${answers[0]?.id}`]),
      );
    });

    test("may be asked for again when it was refused", async () => {
      await api.ask(ada.token, "PATCH", `/v1/apps/${app.name}`, { app: { concurrency_policy: "reject" } });
      const keys = ["k1", "k2", "k3", "k4"];
      const answers = await Promise.all(keys.map((key) => ask(key)));
      const taken = answers.findIndex(({ status }) => status === 201);
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(3);
      await abort(answers[taken]?.id ?? "");
      for (const key of keys.toSpliced(taken, 1)) {
        const again = await ask(key);
        expect(again).toMatchObject({ status: 201, replayed: null });
        expect(await stored(again.id ?? "")).toMatchObject({ status: "queued" });
        expect(await ask(key)).toEqual({ ...again, replayed: "true" });
        await abort(again.id ?? "");
      }
    });
  });
});
