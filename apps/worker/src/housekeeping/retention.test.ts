import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { changeStatus, claim } from "@slipway/core";
import type { Deployment, Store } from "@slipway/core";
import { redisKeys } from "@slipway/protocol";
import { openStore } from "@slipway/store";
import { anApp, aNewDeployment, aNewRelease, aReceipt, startRedis } from "@slipway/testkit";
import { digestOf } from "./prune-images.ts";
import { removeOldDeployments } from "./retention.ts";

const day = 86_400_000;
const keptDays = 90;
const now = new Date("2026-06-01T12:00:00.000Z");
const limits = { apps: 100, deployments: 1_000 };

describe("retention", () => {
  let opened: AsyncDisposableStack;
  let redis: Redis;
  let store: Store;

  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    const folder = await mkdtemp(join(tmpdir(), "slipway-retention-"));
    opened.defer(() => rm(folder, { recursive: true, force: true }));
    const { url } = opened.use(await startRedis());
    redis = opened.adopt(new Redis(url), (client) => client.disconnect());
    store = opened.use(await openStore({ databaseUrl: `file:${folder}/slipway.db` }));
  });
  afterEach(() => opened.disposeAsync());

  test("ended deployments older than the limit are removed with logs and releases, except the newest", async () => {
    const app = await create();
    const made = await deploy(app, 8, 100);
    await pass({ minCount: 3 });
    expect(await listed(app)).toEqual([[8, 7, 6], 3]);
    const logs = await Promise.all(made.map(({ id }) => store.logs.lastSeq(id)));
    expect(logs).toEqual([0, 0, 0, 0, 0, 1, 1, 1]);
    expect((await store.releases.ofApp(app, 100)).map(({ number }) => number)).toEqual([8, 7, 6]);
    expect((await store.deployments.create(aNewDeployment({ id: randomUUID(), appId: app }))).number).toBe(9);
  });

  test("recent deployments are kept, and so are those after the first that is recent or unfinished", async () => {
    const app = await create();
    await deploy(app, 2, 91);
    await deploy(app, 2, 89);
    await deploy(app, 2, 91);
    await pass({ minCount: 1 });
    expect(await listed(app)).toEqual([[6, 5, 4, 3], 4]);
  });

  test("deployments of releases that serve, or can be deployed again, are kept", async () => {
    const app = await create();
    const made = await deploy(app, 7, 100);
    await makeCurrent(app, made[2]);
    await queueAgain(app, made[0]);
    // The newest two releases, the current one, the one that served before it, and the one of a waiting deployment.
    await pass({ minCount: 1, releasesKept: 2 });
    expect(await listed(app)).toEqual([[8, 7, 6, 3, 2, 1], 6]);
  });

  test("a deployment that was needed is removed in a later pass", async () => {
    const app = await create();
    const made = await deploy(app, 5, 100);
    await makeCurrent(app, made[0]);
    await pass({ minCount: 1, releasesKept: 1 });
    expect(await listed(app)).toEqual([[5, 1], 2]);
    const next = await deploy(app, 3, 100);
    await makeCurrent(app, next[2]);
    await pass({ minCount: 1, releasesKept: 1 });
    expect(await listed(app)).toEqual([[8, 7], 2]);
  });

  test("the receipt of a removed deployment is kept while a kept release uses the image", async () => {
    const app = await create();
    const [reused, removed, , current] = await deploy(app, 4, 100);
    const images = new Map(
      (await store.releases.ofApp(app, 4)).map((one) => [one.deploymentId, digestOf(one)]),
    );
    const kept = images.get(current?.id ?? "") ?? "";
    for (const [deployment, imageDigest] of [
      [reused, kept],
      [removed, "sha256:unused"],
    ] as const)
      await store.receipts.put(aReceipt({ appId: app, deploymentId: deployment?.id ?? "", imageDigest }));
    await makeCurrent(app, current);
    await pass({ minCount: 1 });
    expect(await listed(app)).toEqual([[4, 3], 2]);
    expect(await store.receipts.newestOf(app, kept)).toMatchObject({ deploymentId: reused?.id });
    expect(await store.receipts.newestOf(app, "sha256:unused")).toBeNull();
  });

  test("passes with small limits continue after the last pass, and start over at the end", async () => {
    const apps = [await create(), await create(), await create()].toSorted();
    for (const app of apps) await deploy(app, 4, 100);
    const small = { minCount: 1, limits: { apps: 2, deployments: 2 } };
    const left = () => Promise.all(apps.map(async (app) => (await listed(app))[1]));
    // The limit is checked after each batch.
    await pass(small);
    expect(await left()).toEqual([1, 4, 4]);
    for (let round = 0; round < 8; round += 1) await pass(small);
    expect(await left()).toEqual([1, 1, 1]);
    await deploy(apps[0] ?? "", 2, 100);
    for (let round = 0; round < 3; round += 1) await pass(small);
    expect(await left()).toEqual([1, 1, 1]);
  });

  async function create(): Promise<string> {
    const app = anApp({ id: randomUUID(), name: `app-${randomUUID()}` });
    await store.apps.create(app);
    return app.id;
  }

  /** Deploys several times, each successfully and with a line of log. */
  async function deploy(appId: string, count: number, daysAgo: number): Promise<Deployment[]> {
    const at = new Date(now.getTime() - daysAgo * day);
    const made: Deployment[] = [];
    for (let index = 0; index < count; index += 1) {
      const request = aNewDeployment({ id: randomUUID(), appId, createdAt: at });
      let deployment = claim(await store.deployments.create(request), 1, { at, lineCount: 0 });
      await store.deployments.compareAndSet(deployment);
      for (const status of ["pushing", "starting", "success"] as const) {
        deployment = changeStatus(deployment, status, { at, lineCount: 1 });
        await store.deployments.compareAndSet(deployment);
      }
      const { id: deploymentId } = deployment;
      await store.releases.create(aNewRelease({ id: randomUUID(), appId, deploymentId }));
      await store.logs.append({ deploymentId, attempt: 1, firstSeq: 1, lineCount: 1, text: "line", at });
      made.push(deployment);
    }
    return made;
  }

  async function releaseOf(appId: string, deployment: Deployment | undefined): Promise<string> {
    const releases = await store.releases.ofApp(appId, 100);
    return releases.find(({ deploymentId }) => deploymentId === deployment?.id)?.id ?? "";
  }

  async function makeCurrent(appId: string, deployment: Deployment | undefined): Promise<void> {
    const app = await store.apps.get(appId);
    if (app === null) throw new Error("the app was created");
    const currentReleaseId = await releaseOf(appId, deployment);
    await store.apps.compareAndSet({ ...app, currentReleaseId, revision: app.revision + 1 });
  }

  async function queueAgain(appId: string, deployment: Deployment | undefined): Promise<void> {
    const source = { kind: "release", releaseId: await releaseOf(appId, deployment) } as const;
    await store.deployments.create(aNewDeployment({ id: randomUUID(), appId, source }));
  }

  async function listed(appId: string): Promise<[number[], number]> {
    const { deployments, totalCount } = await store.deployments.list(appId, { page: 1, perPage: 20 });
    return [deployments.map(({ number }) => number), totalCount];
  }

  function pass(options: {
    readonly minCount: number;
    readonly releasesKept?: number;
    readonly limits?: typeof limits;
  }): Promise<void> {
    const { minCount, releasesKept = 1 } = options;
    const config = { releasesKept, deploymentsKept: { ageMs: keptDays * day, minCount } };
    const keys = redisKeys("retention-test");
    return removeOldDeployments({ store, redis, keys, config, now: () => now }, options.limits ?? limits);
  }
});
