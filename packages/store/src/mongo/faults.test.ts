import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { NewDeployment } from "@slipway/core";
import {
  aNewDeployment,
  anApp,
  freePort,
  lacksMongo,
  lacksMongoServer,
  startMongo,
  startMongoServer,
  unexpected,
} from "@slipway/testkit";
import type { TestMongo, TestMongoServer } from "@slipway/testkit";
import { openGridFsBlobs } from "../blobs/gridfs.ts";
import { openMongoStore } from "./store.ts";
import { startProxy } from "../../test-support/mongo-proxy.ts";

const unavailable = { code: "store-unavailable" };
/** Long enough for a server that responds, short for a test that waits for the time limit. */
const boundMs = 1_500;

/** Noticing a server's death and awaiting its start adds up on a busy machine. */
vi.setConfig({ testTimeout: 120_000 });

describe.skipIf(await lacksMongoServer())("a MongoDB server that is killed", () => {
  let server: TestMongoServer;
  beforeAll(async () => {
    server = await startMongoServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test("calls fail with store-unavailable while MongoDB is down; waiting calls continue later, with every acknowledged write", async () => {
    await using hasty = await openMongoStore({ url: server.url, selectionMs: boundMs });
    await using retryingStore = await openMongoStore({ url: server.url, selectionMs: 60_000 });
    const app = anApp();
    await hasty.apps.create(app);
    await server.kill();
    await expect(hasty.apps.get(app.id)).rejects.toMatchObject(unavailable);
    await expect(hasty.apps.create(anApp())).rejects.toMatchObject(unavailable);
    await expect(hasty.ping()).rejects.toMatchObject(unavailable);
    // A sent call without an answer fails at once; later calls wait.
    const waiting = retryingStore.apps.get(app.id).catch(() => retryingStore.apps.get(app.id));
    const [found] = await Promise.all([waiting, server.start()]);
    expect(found).toEqual(app);
    await expect.poll(() => hasty.apps.get(app.id).catch(() => null), { timeout: 20_000 }).toEqual(app);
  });

  test("a crash of MongoDB leaves no partial write: repeating all writes makes each one once", async () => {
    await using store = await openMongoStore({ url: server.url, selectionMs: boundMs });
    const appId = randomUUID();
    const requests = Array.from({ length: 100 }, () => aNewDeployment({ appId }));
    const acknowledged: NewDeployment[] = [];
    const writing = Promise.allSettled(
      requests.map(async (request) => {
        await store.deployments.create(request);
        acknowledged.push(request);
      }),
    );
    await expect.poll(() => acknowledged.length, { timeout: 20_000 }).toBeGreaterThan(3);
    await server.kill();
    const results = await writing;
    expect(reasonsOf(results)).toEqual(reasonsOf(results).map(() => "store-unavailable"));
    expect(acknowledged.length).toBeLessThan(requests.length);
    await server.start();
    await using again = await openMongoStore({ url: server.url });
    const kept = new Set((await again.deployments.lane(appId, 1_000)).map(({ id }) => id));
    expect(acknowledged.filter(({ id }) => !kept.has(id))).toEqual([]);
    for (const request of requests.slice(0, 20)) await again.deployments.create(request);
    const lane = await again.deployments.lane(appId, 1_000);
    expect(new Set(lane.map(({ id }) => id)).size).toBe(lane.length);
    expect(lane.map(({ number }) => number)).toEqual(lane.map((_, index) => index + 1));
  });
});

describe.skipIf(await lacksMongo())("a network to MongoDB", () => {
  let mongo: TestMongo;
  beforeAll(async () => {
    mongo = await startMongo();
  });
  afterAll(() => mongo[Symbol.asyncDispose]());

  test("a slow connection delays a call, one that does not respond in time fails it; later calls succeed", async () => {
    await using direct = await openMongoStore({ url: mongo.url });
    await using proxy = await startProxy(mongo.url);
    await using retryingStore = await openMongoStore({ url: proxy.url });
    await using store = await openMongoStore({ url: proxy.url, selectionMs: boundMs, silenceMs: boundMs });
    const app = anApp();
    const answers: string[] = [];
    const sent = proxy.delayAt("insert", "apps");
    const delayed = retryingStore.apps.create(app).then(() => answers.push("created"));
    await sent;
    await expect.poll(() => direct.apps.get(app.id)).toEqual(app);
    expect(answers).toEqual([]);
    proxy.resume();
    await delayed;
    proxy.delay();
    await expect(store.apps.get(app.id)).rejects.toMatchObject(unavailable);
    proxy.resume();
    expect(await store.apps.get(app.id)).toEqual(app);
  });

  test("a connection that breaks during calls may fail them, and a compare-and-set is done at most once", async () => {
    await using proxy = await startProxy(mongo.url);
    await using store = await openMongoStore({ url: proxy.url, selectionMs: boundMs });
    const app = anApp();
    await store.apps.create(app);
    const sets = Array.from({ length: 20 }, (_, index) =>
      store.apps.compareAndSet({ ...app, cacheVersion: 10 + index, revision: 2 }),
    );
    proxy.cut();
    const results = await Promise.allSettled(sets);
    expect(reasonsOf(results)).toEqual(reasonsOf(results).map(() => "store-unavailable"));
    proxy.resume();
    const stored = await store.apps.get(app.id);
    const won = results.flatMap((result, index) =>
      result.status === "fulfilled" && result.value ? [10 + index] : [],
    );
    // The winner may be a writer whose answer was lost.
    expect([[], [stored?.cacheVersion]]).toContainEqual(won);
    expect([1, 2]).toContain(stored?.revision);
  });

  test("a connection that breaks during an upload keeps the old blob, and one that breaks during a download fails it", async () => {
    await using direct = await openGridFsBlobs({ url: mongo.url, onError: unexpected });
    await using proxy = await startProxy(mongo.url);
    await using blobs = await openGridFsBlobs({ url: proxy.url, selectionMs: boundMs, onError: unexpected });
    const size = 8 * 1024 * 1024;
    await direct.put("key", chunksOf(size));
    const upload = blobs.put(
      "key",
      chunksOf(size, 1, () => proxy.cut()),
    );
    await expect(upload).rejects.toMatchObject(unavailable);
    expect((await direct.get("key"))?.sizeBytes).toBe(size);
    proxy.resume();
    const blob = await blobs.get("key");
    const reading = (async () => {
      for await (const _ of blob?.bytes ?? []) proxy.cut();
    })();
    await expect(reading).rejects.toMatchObject(unavailable);
    proxy.resume();
    await blobs.put("key", chunksOf(1024));
    expect((await direct.get("key"))?.sizeBytes).toBe(1024);
  });
});

test("an unreachable server is store-unavailable, and its URL's password in no error", async () => {
  const url = `mongodb://user:hunter2@127.0.0.1:${await freePort()}/db`;
  for (const open of [openMongoStore, openGridFsBlobs]) {
    const error: unknown = await open({ url, selectionMs: 200, onError: unexpected }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject(unavailable);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("hunter2");
  }
});

function reasonsOf(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return results.flatMap((result) =>
    result.status === "rejected" ? [(result.reason as { code: unknown }).code] : [],
  );
}

/** A blob of zeros, a megabyte at a time; `happens` may run after one of them. */
async function* chunksOf(sizeBytes: number, then = -1, happens: () => void = () => undefined) {
  const mebibyte = 1024 * 1024;
  for (let begin = 0; begin < sizeBytes; begin += mebibyte) {
    yield Buffer.alloc(Math.min(mebibyte, sizeBytes - begin));
    if (begin / mebibyte === then) happens();
  }
}
