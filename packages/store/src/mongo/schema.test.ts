import { MongoClient } from "mongodb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { aNewDeployment, aUser, lacksMongo, startMongo, unexpected } from "@slipway/testkit";
import type { TestMongo } from "@slipway/testkit";
import { openGridFsBlobs } from "../blobs/gridfs.ts";
import { indexes } from "./indexes.ts";
import { schemaVersion } from "./schema.ts";
import { openMongoStore } from "./store.ts";

describe.skipIf(await lacksMongo())("a database of MongoDB", () => {
  let mongo: TestMongo;
  let client: MongoClient;
  beforeEach(async () => {
    mongo = await startMongo();
    client = await MongoClient.connect(mongo.url);
  });
  afterEach(async () => {
    await client.close();
    await mongo[Symbol.asyncDispose]();
  });
  const meta = () => client.db().collection<{ _id: string; version: number }>("meta");

  test("a new database of MongoDB that several processes open at once has its version and all indexes, once", async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => openMongoStore({ url: mongo.url })));
    await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
    expect(await meta().findOne({ _id: "schema" })).toMatchObject({ version: schemaVersion });
    for (const [collection, wanted] of Object.entries(indexes)) {
      const found = await client.db().collection(collection).indexes();
      const names = wanted.map(({ name }) => name ?? "");
      expect(found.map(({ name }) => name ?? "").sort()).toEqual(["_id_", ...names].sort());
    }
  });

  test("a database of MongoDB that contains only blobs is accepted", async () => {
    await using _blobs = await openGridFsBlobs({ url: mongo.url, onError: unexpected });
    await using store = await openMongoStore({ url: mongo.url });
    await expect(store.ping()).resolves.toBeUndefined();
  });

  test("a database of MongoDB whose creation was interrupted, or of an older version, is migrated", async () => {
    await meta().insertOne({ _id: "schema", version: 0 });
    await client
      .db()
      .collection("users")
      .insertOne({ _id: aUser().id as never, username: "old", email: "o" });
    await using _store = await openMongoStore({ url: mongo.url });
    expect(await meta().findOne({ _id: "schema" })).toMatchObject({ version: schemaVersion });
  });

  test("documents of MongoDB from before a field existed are read with its default", async () => {
    await using store = await openMongoStore({ url: mongo.url });
    const deployment = await store.deployments.create(aNewDeployment());
    await client
      .db()
      .collection("deployments")
      .updateOne({}, { $unset: { postdeployHook: 1 } });
    expect(await store.deployments.get(deployment.id)).toEqual({ ...deployment, postdeployHook: null });
  });

  test("a database of MongoDB of a newer version is refused and remains unchanged", async () => {
    await meta().insertOne({ _id: "schema", version: schemaVersion + 1 });
    await expect(openMongoStore({ url: mongo.url })).rejects.toMatchObject({
      code: "configuration-invalid",
      message: expect.stringContaining("newer"),
    });
    expect((await client.db().listCollections().toArray()).map(({ name }) => name)).toEqual(["meta"]);
  });

  test("a database of MongoDB of another program is refused and remains unchanged", async () => {
    const users = client.db().collection("users");
    await users.insertOne({ name: "another program's" });
    await expect(openMongoStore({ url: mongo.url })).rejects.toMatchObject({
      code: "configuration-invalid",
      message: expect.stringContaining("another program"),
    });
    expect(await users.indexes()).toHaveLength(1);
  });
});
