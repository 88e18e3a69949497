import { Binary, MongoClient, ObjectId } from "mongodb";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blobContract, lacksMongo, startMongo, unexpected } from "@slipway/testkit";
import type { TestMongo } from "@slipway/testkit";
import { openGridFsBlobs } from "./gridfs.ts";

const lacking = await lacksMongo();
const hourMs = 3_600_000;

describe.skipIf(lacking)("GridFS", () => {
  blobContract("GridFS", async () => {
    const mongo = await startMongo();
    const client = await MongoClient.connect(mongo.url);
    return {
      open: () => openGridFsBlobs({ url: mongo.url, onError: unexpected }),
      leftovers: () => countAll(client),
      [Symbol.asyncDispose]: async () => {
        await client.close();
        await mongo[Symbol.asyncDispose]();
      },
    };
  });
});

describe.skipIf(lacking)("files of GridFS that no key points to", () => {
  let mongo: TestMongo;
  let client: MongoClient;
  const database = () => client.db();
  /** Opens the blobs like another process some hours later. */
  const openLater = (hours: number) =>
    openGridFsBlobs({
      url: mongo.url,
      now: () => new Date(Date.now() + hours * hourMs),
      onError: unexpected,
    });
  beforeAll(async () => {
    mongo = await startMongo();
    client = await MongoClient.connect(mongo.url);
  });
  afterAll(async () => {
    await client.close();
    await mongo[Symbol.asyncDispose]();
  });

  test("files of GridFS that no key points to are kept for an hour for their readers, then removed", async () => {
    await using blobs = await openGridFsBlobs({ url: mongo.url, onError: unexpected });
    await blobs.put("replaced", streamOf("old"));
    await blobs.put("replaced", streamOf("new"));
    await blobs.put("deleted", streamOf("gone"));
    await blobs.delete("deleted");
    await using soon = await openLater(0.9);
    await soon.clean();
    expect(await soon.get("deleted")).toBeNull();
    expect(await database().collection("blobs.files").countDocuments()).toBe(3);
    await using late = await openLater(1.1);
    await late.clean();
    expect(await database().collection("blobs.files").countDocuments()).toBe(1);
    expect(await database().collection("blobs.chunks").countDocuments()).toBe(1);
    expect(await textOf((await late.get("replaced"))?.bytes)).toBe("new");
    expect(await database().collection("blobs.doomed").countDocuments()).toBe(0);
  });

  test("files of GridFS that a key points to are kept, even if they are listed for removal", async () => {
    await using blobs = await openGridFsBlobs({ url: mongo.url, onError: unexpected });
    await blobs.put("kept", streamOf("kept"));
    const file = await database().collection("blobs.files").findOne({ filename: "kept" });
    // The state left by a process that dies right after its blob has become the current one.
    if (file === null) throw new Error("the blob has no file");
    await database()
      .collection("blobs.doomed")
      .insertOne({ _id: file._id, token: "its own", at: new Date(0) });
    await using later = await openGridFsBlobs({ url: mongo.url, onError: unexpected });
    await later.clean();
    expect(await textOf((await later.get("kept"))?.bytes)).toBe("kept");
    expect(await database().collection("blobs.doomed").countDocuments()).toBe(0);
  });

  test("an upload to GridFS that was silent for an hour fails when it continues, and leaves nothing", async () => {
    const { promise: goOn, resolve: resume } = Promise.withResolvers<void>();
    const before = await countAll(client);
    let sinceMs = 0;
    const now = () => new Date(Date.now() + sinceMs);
    await using blobs = await openGridFsBlobs({ url: mongo.url, now, onError: unexpected });
    const upload = blobs.put("silent", silentBetweenChunks(goOn));
    await expect
      .poll(() =>
        database()
          .collection("blobs.chunks")
          .countDocuments({ n: 0, data: { $exists: true } }),
      )
      .toBeGreaterThan(await database().collection("blobs.files").countDocuments());
    await using late = await openLater(1.1);
    await late.clean();
    expect(await countAll(client)).toBe(before);
    sinceMs = 1.1 * hourMs;
    resume();
    await expect(upload).rejects.toMatchObject({ code: "store-unavailable" });
    expect(await countAll(client)).toBe(before);
    expect(await blobs.get("silent")).toBeNull();
  });

  test("files of GridFS that no key points to are removed completely, however many chunks they have, and many of them at once", async () => {
    await using blobs = await openGridFsBlobs({ url: mongo.url, onError: unexpected });
    const before = await countAll(client);
    const doomed = Array.from({ length: 150 }, () => ({ _id: new ObjectId(), token: "t", at: new Date(0) }));
    const parts = doomed.flatMap(({ _id: files_id }, file) =>
      Array.from({ length: file === 0 ? 200 : 1 }, (_, n) => ({ files_id, n, data: new Binary() })),
    );
    await database().collection("blobs.doomed").insertMany(doomed);
    await database().collection("blobs.chunks").insertMany(parts);
    await blobs.clean();
    expect(await countAll(client)).toBe(before);
  });
});

async function* silentBetweenChunks(goOn: Promise<void>) {
  yield Buffer.alloc(1024 * 1024);
  await goOn;
  yield Buffer.alloc(1024 * 1024);
}

async function countAll(client: MongoClient): Promise<number> {
  let total = 0;
  for (const name of ["files", "chunks", "keys", "doomed"]) {
    total += await client.db().collection(`blobs.${name}`).countDocuments();
  }
  return total;
}

async function* streamOf(text: string) {
  yield Buffer.from(text);
}

async function textOf(bytes: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  return Buffer.concat(await Array.fromAsync(bytes ?? [])).toString();
}
