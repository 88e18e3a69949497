import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { sourceBlobKey } from "@slipway/core";
import { openBlobs, openStore } from "@slipway/store";
import { aNewDeployment, anApp, lacksRedis, startRedis, unexpected } from "@slipway/testkit";
import { Redis } from "ioredis";
import { cleanSources, agreedTime } from "./clean.ts";

test("all expired uploads are removed, except those that a deployment still needs", async () => {
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "slipway-clean-"));
  opened.defer(() => rm(directory, { recursive: true, force: true }));
  const store = opened.use(await openStore({ databaseUrl: `${directory}/slipway.db` }));
  const blobs = opened.use(await openBlobs({ url: `${directory}/blobs`, onError: unexpected }));
  const app = anApp();
  await store.apps.create(app);
  const ids = Array.from({ length: 350 }, (_, at) => `source-${String(at).padStart(3, "0")}`);
  const needed = ids.slice(0, 120);
  for (const [at, id] of ids.entries()) {
    const expiresAt = new Date(at);
    await store.sources.create({ id, ownerId: app.ownerId, createdAt: expiresAt, expiresAt, sizeBytes: 1 });
  }
  for (const sourceId of needed) {
    const source = { kind: "upload", sourceId } as const;
    await store.deployments.create(aNewDeployment({ id: `of-${sourceId}`, appId: app.id, source }));
  }
  const last = sourceBlobKey(ids.at(-1) ?? "");
  await blobs.put(last, Readable.from([Buffer.from("a")]));
  await cleanSources({ store, blobs, now: () => new Date(1_000) });
  const left = await store.sources.expired(new Date(1_000), ids.length);
  expect(left.map(({ id }) => id)).toEqual(needed);
  expect(await blobs.get(last)).toBeNull();
});

test.skipIf(await lacksRedis())("nothing is deleted by its age while the clock is wrong", async () => {
  await using server = await startRedis();
  const redis = new Redis(server.url);
  using _ = { [Symbol.dispose]: () => redis.disconnect() };
  const clock = (aheadMs: number) => ({ redis, now: () => new Date(Date.now() + aheadMs) });
  await agreedTime(clock(0));
  await agreedTime(clock(-30_000));
  for (const aheadMs of [3_600_000, -3_600_000])
    await expect(agreedTime(clock(aheadMs))).rejects.toThrow(/differ by 3[56]\d\d seconds.*NTP/);
});
