import { MongoClient } from "mongodb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BlobStore } from "@slipway/core";
import { lacksMongo, refusal, startMongo, unexpected } from "@slipway/testkit";
import { startProxy } from "../../test-support/mongo-proxy.ts";
import type { TestProxy } from "../../test-support/mongo-proxy.ts";
import { openGridFsBlobs } from "./gridfs.ts";

const hourMs = 3_600_000;
const unavailable = { code: "store-unavailable" };

/** Actions of another process during an upload, on a network that a test can interrupt. */
describe.skipIf(await lacksMongo())("an upload to GridFS", () => {
  let opened: AsyncDisposableStack;
  let proxy: TestProxy;
  let client: MongoClient;
  let others: BlobStore;
  let later: BlobStore;
  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    const mongo = opened.use(await startMongo());
    proxy = opened.use(await startProxy(mongo.url));
    client = opened.adopt(await MongoClient.connect(mongo.url), (connected) => connected.close());
    const now = () => new Date(Date.now() + 2 * hourMs);
    others = opened.use(await openGridFsBlobs({ url: mongo.url, onError: unexpected }));
    later = opened.use(await openGridFsBlobs({ url: mongo.url, now, onError: unexpected }));
  });
  afterEach(() => opened.disposeAsync());
  const count = (name: string) => client.db().collection(`blobs.${name}`).countDocuments();
  const counts = async () => [await count("files"), await count("chunks"), await count("doomed")];

  test.each([
    ["replaced", () => others.put("apps/key", streamOf("another")), [1, 1, 0]],
    ["deleted", () => others.delete("apps/key"), [0, 0, 0]],
    ["deleted with its prefix", () => others.deletePrefix("apps/"), [0, 0, 0]],
  ])(
    "an upload to GridFS whose blob is %s as soon as it is stored leaves nothing behind",
    async (_, overtake, left) => {
      await using blobs = await openGridFsBlobs({ url: proxy.url, onError: unexpected });
      const delayed = proxy.delayAt("insert", "blobs.keys");
      const upload = blobs.put("apps/key", streamOf("bytes"));
      await delayed;
      await expect.poll(() => count("keys")).toBe(1);
      await overtake();
      proxy.resume();
      await upload;
      await later.clean();
      expect(await counts()).toEqual(left);
    },
  );

  test("an upload to GridFS that fails with the database remains listed for removal, and is removed later", async () => {
    await using blobs = await openGridFsBlobs({
      url: proxy.url,
      selectionMs: 500,
      silenceMs: 500,
      onError: unexpected,
    });
    const delayed = proxy.delayAt("insert", "blobs.chunks");
    const upload = refusal(blobs.put("key", streamOf("bytes")));
    await delayed;
    proxy.delay();
    expect(await upload).toMatch("store-unavailable");
    await expect.poll(() => count("chunks")).toBe(1);
    expect(await count("doomed")).toBe(1);
    await later.clean();
    expect(await counts()).toEqual([0, 0, 0]);
  });

  test("an upload to GridFS that fails rejects with its own error, and the failure of its clean-up is reported", async () => {
    const reported: unknown[] = [];
    await using blobs = await openGridFsBlobs({
      url: proxy.url,
      selectionMs: 500,
      silenceMs: 500,
      onError: (error) => reported.push(error),
    });
    const broken = new Error("the client hung up");
    const upload = blobs.put(
      "key",
      (async function* () {
        yield Buffer.from("begun");
        proxy.cut();
        throw broken;
      })(),
    );
    await expect(upload).rejects.toBe(broken);
    expect(reported).toMatchObject([unavailable]);
  });
});

async function* streamOf(text: string) {
  yield Buffer.from(text);
}
