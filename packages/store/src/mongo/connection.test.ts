import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksMongo, startMongo } from "@slipway/testkit";
import type { TestMongo } from "@slipway/testkit";
import { Connection } from "./connection.ts";
import { openMongoStore } from "./store.ts";
import { startProxy } from "../../test-support/mongo-proxy.ts";

const unavailable = { code: "store-unavailable" };
const short = { selectionMs: 500, silenceMs: 500 };
const unsafe = [
  "w=1",
  "JOURNAL=false",
  "wtimeoutMS=1",
  "readConcernLevel=available",
  "readPreference=secondaryPreferred",
  "readPreferenceTags=dc:near",
  "maxStalenessSeconds=90",
  "retryWrites=false",
  "retryReads=false",
  "timeoutMS=1",
  "socketTimeoutMS=1",
  "serverSelectionTimeoutMS=1",
];

describe.skipIf(await lacksMongo())("a connection to MongoDB", () => {
  let mongo: TestMongo;
  beforeAll(async () => {
    mongo = await startMongo();
  });
  afterAll(() => mongo[Symbol.asyncDispose]());

  test("a MongoDB connection uses safe read and write concerns and our time limits, whatever the URL says", async () => {
    await using plain = await Connection.open({ url: mongo.url });
    await using connection = await Connection.open({ url: `${mongo.url}?${unsafe.join("&")}` });
    const optionsOf = (one: Connection) =>
      one.run(async ({ client: { options } }) => ({
        writeConcern: options.writeConcern,
        readConcern: options.readConcern,
        readPreference: options.readPreference,
        retries: [options.retryReads, options.retryWrites],
        times: [options.timeoutMS, options.socketTimeoutMS, options.serverSelectionTimeoutMS],
      }));
    const options = await optionsOf(connection);
    expect(options).toEqual(await optionsOf(plain));
    expect(options.writeConcern).toMatchObject({ w: "majority" });
  });

  test("a MongoDB connection ends a call that never settles, and aborts its signal", async () => {
    await using connection = await Connection.open({ url: mongo.url, ...short });
    const aborted = Promise.withResolvers<unknown>();
    const endless = connection.run((_, signal) => {
      signal.addEventListener("abort", () => aborted.resolve(signal.reason));
      return new Promise<never>(() => {});
    });
    await expect(endless).rejects.toMatchObject(unavailable);
    expect(await aborted.promise).toMatchObject(unavailable);
    await expect(connection.run((database) => database.command({ ping: 1 }))).resolves.toMatchObject({
      ok: 1,
    });
  });

  test("a MongoDB connection waits longer for indexes than for other calls", async () => {
    await using proxy = await startProxy(mongo.url);
    await using others = await Connection.open({ url: proxy.url, ...short });
    const indexing = proxy.delayAt("createIndexes", "users");
    const opening = openMongoStore({ url: proxy.url, ...short });
    await indexing;
    // A call that began later; the time limit of any other call has passed.
    await expect(others.run(() => new Promise<never>(() => {}))).rejects.toMatchObject(unavailable);
    proxy.resume();
    await using store = await opening;
    await expect(store.ping()).resolves.toBeUndefined();
  });
});
