import { Redis } from "ioredis";
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { appMessage, redisKeys } from "@slipway/protocol";
import type { AppBody, DeploymentAnswer, DeploymentsAnswer, SourceAnswer } from "@slipway/protocol";
import { changeApp } from "@slipway/core";
import { openLogWriter } from "@slipway/logs";
import { openLanes } from "@slipway/queue";
import { aLogChunk, aNewRelease, aSource, lacksRedis, stepsTo } from "@slipway/testkit";
import { startTestApi } from "../../test-support/api.ts";
import type { TestApi, TestUser } from "../../test-support/api.ts";
import { presentSource } from "../sources/source-url.ts";

const archiveUrl = "https://example.com/archive/master.tar.gz";

describe.skipIf(await lacksRedis())("deployments", () => {
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

  const path = (rest = "") => `/v1/apps/${app.name}/deployments${rest}`;
  const deploy = (fields: Record<string, unknown>, token = ada.token) =>
    api.request(token, "POST", path(), { deployment: fields });
  const upload = async (token = ada.token, content = "archive") => {
    const { source } = (await api.request(token, "POST", "/v1/sources", {})).body as SourceAnswer;
    if (content !== "") await fetch(source.upload_url, { method: "PUT", body: content });
    return source.download_url;
  };
  const list = async (query: string) =>
    (await api.request(ada.token, "GET", path(query))).body as DeploymentsAnswer;
  const notFound = { resource: "deployment", error: "deployment not found" };

  test("deployments of an uploaded archive are queued, published, and added to BullMQ", async () => {
    const { redisUrl, installationId } = api.config;
    const keys = redisKeys(installationId);
    const subscriber = new Redis(redisUrl);
    const received = Promise.withResolvers<string>();
    subscriber.on("message", (_channel, message) => received.resolve(message));
    await subscriber.subscribe(keys.appChannel(app.id));
    const sourceUrl = await upload();
    const answer = await deploy({ source_url: sourceUrl, git_ref: "v1" });
    expect(answer.status).toBe(201);
    const { deployment } = answer.body as DeploymentAnswer;
    expect(deployment).toMatchObject({
      app_id: app.id,
      status: "queued",
      git_ref: "v1",
      previous_git_ref: null,
      pusher: { id: ada.user.id, username: ada.user.username, email: ada.user.email },
      links: { output: `${api.url}/v1/apps/${app.id}/deployments/${deployment.id}/output` },
    });
    expect(await api.store.deployments.get(deployment.id)).toMatchObject({
      source: { kind: "upload", sourceId: new URL(sourceUrl).pathname.split("/")[3] },
      ownerId: ada.user.id,
    });
    expect(appMessage.parse(JSON.parse(await received.promise))).toMatchObject({
      type: "new",
      deploymentId: deployment.id,
    });
    const { apps, deployments, operations } = api.store;
    await using lanes = openLanes({
      redisUrl,
      keys,
      apps,
      deployments,
      operations,
      onError: () => undefined,
    });
    expect(await lanes.jobState(deployment.id)).toBe("live");
    subscriber.disconnect();
  });

  test("deployments of an external URL do not show that URL, which may contain credentials", async () => {
    const url = "https://user:hunter2@example.com/a.tar.gz?token=hunter3";
    const answer = await deploy({ source_url: url, git_ref: null });
    const { deployment } = answer.body as DeploymentAnswer;
    expect(answer.text).not.toMatch(/hunter/);
    expect(await api.store.deployments.get(deployment.id)).toMatchObject({ source: { kind: "url", url } });
    for (const shown of [path(`/${deployment.id}?`), `/v1/apps/${app.id}/deployments/${deployment.id}`]) {
      const { status, body } = await api.request(ada.token, "GET", shown);
      expect([status, body]).toMatchObject([200, { deployment }]);
    }
  });

  test("deployments of an image name it by digest only, and by nothing else", async () => {
    const digest = `sha256:${"0a".repeat(32)}`;
    const named = `registry.example.com/team/app@${digest}`;
    const answer = await deploy({ image: `registry.example.com:443/team/app:v1@${digest}`, git_ref: "v1" });
    expect(answer.body).toMatchObject({ deployment: { status: "queued", type: "image", git_ref: "v1" } });
    const { deployment } = answer.body as DeploymentAnswer;
    expect(await api.store.deployments.get(deployment.id)).toMatchObject({
      source: { kind: "image", reference: named },
    });
    const refused = async (fields: Record<string, unknown>) => {
      const { status, body } = await deploy(fields);
      return [status, Object.keys((body as { errors: object }).errors)];
    };
    expect(await refused({ image: "registry.example.com/team/app:v1" })).toEqual([422, ["image"]]);
    expect(await refused({ image: "" })).toEqual([422, ["image"]]);
    expect(await refused({ image: named, source_url: archiveUrl })).toEqual([422, ["image"]]);
    expect(await refused({ image: named, release: 1 })).toEqual([422, ["release"]]);
  });

  test("deployments record the git_ref of the current release as previous_git_ref", async () => {
    const release = await api.store.releases.create(aNewRelease({ appId: app.id, gitRef: "v7" }));
    const stored = await api.store.apps.get(app.id);
    if (stored === null) throw new Error("the app is not stored");
    await api.store.apps.compareAndSet(changeApp(stored, new Date(), { currentReleaseId: release.id }));
    const { deployment } = (await deploy({ source_url: archiveUrl })).body as DeploymentAnswer;
    expect(deployment).toMatchObject({ git_ref: null, previous_git_ref: "v7" });
  });

  test("deployments of a source that cannot be deployed get 422 for source_url", async () => {
    const bob = await api.newUser();
    const signer = api.urlSigner;
    const past = aSource({ ownerId: ada.user.id, expiresAt: new Date(Date.now() - 1_000), sizeBytes: 1 });
    await api.store.sources.create(past);
    const good = await upload();
    const urls = [
      undefined,
      null,
      "",
      7,
      "archive.tar.gz",
      "ftp://example.com/a.tar.gz",
      "file:///etc/passwd",
      `http://example.com/${"x".repeat(9_000)}`,
      await upload(ada.token, ""),
      await upload(bob.token),
      good.split("?", 1)[0],
      good.replace(/signature=./, "signature=_"),
      good.replace("/archive?", "?"),
      presentSource(past, signer, api.url).download_url,
    ];
    for (const source_url of urls) {
      const answer = await deploy({ source_url, git_ref: "v1" });
      expect([source_url, answer.status, answer.body]).toEqual([
        source_url,
        422,
        { errors: { source_url: [expect.any(String)] }, error: expect.stringContaining("source_url") },
      ]);
    }
    const { body } = await api.request(ada.token, "GET", path());
    expect((body as DeploymentsAnswer).deployments).toEqual([]);
  });

  test("deployments are listed newest first, in pages", async () => {
    for (let number = 1; number <= 5; number += 1) {
      await deploy({ source_url: archiveUrl, git_ref: `v${number}` });
    }
    const all = await list("?");
    expect(all.deployments.map(({ git_ref }) => git_ref)).toEqual(["v5", "v4", "v3", "v2", "v1"]);
    expect(all.meta.pagination).toEqual({
      current_page: 1,
      prev_page: null,
      next_page: null,
      total_pages: 1,
      total_count: 5,
    });
    const second = await list("?page=2&per_page=2");
    expect(second.deployments.map(({ git_ref }) => git_ref)).toEqual(["v3", "v2"]);
    expect(second.meta.pagination).toEqual({
      current_page: 2,
      prev_page: 1,
      next_page: 3,
      total_pages: 3,
      total_count: 5,
    });
    expect((await list("?page=9&per_page=2")).deployments).toEqual([]);
  });

  test("deployments get 422 for an invalid page", async () => {
    for (const [query, field] of [
      ["page=0", "page"],
      ["page=x", "page"],
      ["page=1&page=2", "page"],
      ["per_page=101", "per_page"],
      ["per_page=-1", "per_page"],
    ] as const) {
      const { status, body } = await api.request(ada.token, "GET", path(`?${query}`));
      expect([query, status, body]).toEqual([
        query,
        422,
        { errors: { [field]: [expect.any(String)] }, error: expect.stringContaining(field) },
      ]);
    }
  });

  test("deployments of other users, of another app, or that do not exist are not found", async () => {
    const { deployment } = (await deploy({ source_url: archiveUrl })).body as DeploymentAnswer;
    const other = await api.createApp(ada.token);
    const bob = await api.newUser();
    for (const rest of ["", "/output"]) {
      for (const shown of [
        `/v1/apps/${other.name}/deployments/${deployment.id}`,
        path(`/${randomUUID()}`),
        path("/nonsense"),
      ]) {
        const { status, body } = await api.request(ada.token, "GET", shown + rest);
        expect([status, body]).toEqual([404, notFound]);
      }
    }
    for (const id of [deployment.id, randomUUID()]) {
      const { status, body } = await api.request(bob.token, "GET", `/v1/deployments/${id}/output`);
      expect([status, body]).toEqual([404, notFound]);
    }
  });

  test("deployments without log lines have no output: 404", async () => {
    const { deployment } = (await deploy({ source_url: archiveUrl })).body as DeploymentAnswer;
    for (const output of [path(`/${deployment.id}/output`), `/v1/deployments/${deployment.id}/output`]) {
      const { status, body } = await api.request(ada.token, "GET", output);
      expect([status, body]).toEqual([
        404,
        { resource: "deployment", error: "the deployment has no log line yet: ask again once it has begun" },
      ]);
    }
  });

  test("deployments return their log as text: the stored lines, then those that are still only in Redis", async () => {
    const { deployment } = (await deploy({ source_url: archiveUrl })).body as DeploymentAnswer;
    const deploymentId = deployment.id;
    const stored = await api.store.deployments.get(deploymentId);
    if (stored === null) throw new Error("the deployment is not stored");
    for (const step of stepsTo(stored, "building")) await api.store.deployments.compareAndSet(step);
    await api.store.logs.append(aLogChunk({ deploymentId, lines: ["one", "", "trois été"] }));
    await using writer = await openLogWriter({
      bus: { redis, keys: redisKeys(api.config.installationId) },
      store: api.store,
      appId: app.id,
      deploymentId,
      attempt: 1,
      secrets: [],
      now: () => new Date(),
      limits: { chunkDelayMs: 3_600_000 },
    });
    writer.line("four");
    writer.line("five");
    const outputNow = async () => (await api.request(ada.token, "GET", path(`/${deploymentId}/output`))).text;
    await expect.poll(outputNow).toContain("five");
    for (const output of [path(`/${deploymentId}/output?`), `/v1/deployments/${deploymentId}/output`]) {
      const answer = await api.request(ada.token, "GET", output);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
      expect(answer.text).toBe("one\n\ntrois été\nfour\nfive\n");
    }
  });

  test("deployments created during the deletion of their app do not stay queued", async () => {
    const stored = await api.store.apps.get(app.id);
    if (stored === null) throw new Error("the app is not stored");
    const [answer] = await Promise.all([
      deploy({ source_url: archiveUrl }),
      api.request(ada.token, "DELETE", `/v1/apps/${app.name}?current_name=${app.name}`),
    ]);
    expect([201, 404]).toContain(answer.status);
    expect(await api.store.deployments.lane(app.id, 10)).toEqual([]);
  });
});

describe.skipIf(await lacksRedis())("while Redis is down", () => {
  test("deployments are accepted, and health reports Redis as down", async ({ skip }) => {
    await using api = await startTestApi();
    const pid = api.redis.pid ?? skip("a shared Redis cannot be stopped");
    const { token } = await api.newUser();
    await api.request(token, "POST", "/v1/apps", { app: { name: "demo" } });
    process.kill(pid, "SIGSTOP");
    try {
      const deployment = { source_url: archiveUrl };
      const answer = await api.request(token, "POST", "/v1/apps/demo/deployments", { deployment });
      expect(answer.status).toBe(201);
      const { id } = (answer.body as DeploymentAnswer).deployment;
      expect(await api.store.deployments.get(id)).toMatchObject({ status: "queued" });
      const health = await api.request(null, "GET", "/health");
      expect([health.status, health.body]).toEqual([
        503,
        { status: "down", parts: { store: "ok", blobs: "ok", redis: "down" } },
      ]);
    } finally {
      process.kill(pid, "SIGCONT");
    }
  });
});
