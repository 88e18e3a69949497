import { mkdtempDisposable, stat } from "node:fs/promises";
import type { DisposableTempDir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { inspect, types } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openTraces, tracePhase } from "@slipway/telemetry";
import { aUser, lacksMongo, startMongo, startTraceCollector, unexpected } from "@slipway/testkit";
import { openBlobs, openStore } from "./index.ts";

const odd = "ein Ordner #1 50%/slipway.db";

let directory: DisposableTempDir;
beforeEach(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), "slipway-store-"));
});
afterEach(() => directory[Symbol.asyncDispose]());

test.each([
  ["a path", (path: string) => path],
  ["a relative path", (path: string) => relative(process.cwd(), path)],
  ["file: and a path", (path: string) => `file:${path}`],
  ["file: and a relative path", (path: string) => `file:${relative(process.cwd(), path)}`],
  ["a file: URL", (path: string) => pathToFileURL(path).href],
])("the database is opened at %s", async (_, urlOf) => {
  const path = join(directory.path, odd);
  await using store = await openStore({ databaseUrl: urlOf(path) });
  await store.ping();
  expect((await stat(path)).isFile()).toBe(true);
});

test("with traces the calls of the database are spans of the phase that makes them, without traces the store is not wrapped", async () => {
  await using collector = await startTraceCollector();
  const path = join(directory.path, "slipway.db");
  {
    const traced = { url: `${collector.url}/v1/traces`, headers: {} };
    const options = { process: "worker", instance: "worker-1", onError: unexpected } as const;
    await using _traces = await openTraces({ ...options, collector: traced });
    await using store = await openStore({ databaseUrl: path });
    const phase = {
      name: "push",
      startedAt: new Date(),
      finishedAt: null,
      bytes: null,
      reused: [],
      outcome: null,
    };
    await tracePhase({ id: "d1", attempt: 1 }, phase, async () => {
      await store.ping();
      await store.apps.get("a1");
      await expect(store.apps.create({ id: "a1" } as never)).rejects.toThrow(/NOT NULL|bind|undefined/);
    });
    await store.users.get("u1");
  }
  expect(collector.spans.map(({ name, status }) => [name, status.code])).toEqual([
    ["store: ping", 0],
    ["store: apps.get", 0],
    ["store: apps.create", 2],
  ]);
  await using store = await openStore({ databaseUrl: path });
  expect(types.isProxy(store)).toBe(false);
});

test("blobs are opened in a directory", async () => {
  await using blobs = await openBlobs({ url: `file:${directory.path}/blobs`, onError: unexpected });
  await expect(blobs.ping()).resolves.toBeUndefined();
});

describe.skipIf(await lacksMongo())("MongoDB", () => {
  test("MongoDB is opened for the database and for blobs, which share it", async () => {
    await using mongo = await startMongo();
    await using store = await openStore({ databaseUrl: mongo.url });
    await using blobs = await openBlobs({ url: mongo.url, onError: unexpected });
    const user = aUser();
    await store.users.create(user);
    await blobs.put("key", streamOf("bytes"));
    await using again = await openStore({ databaseUrl: mongo.url });
    expect(await again.users.get(user.id)).toEqual(user);
    await expect(blobs.ping()).resolves.toBeUndefined();
  });
});

test.each(["postgres://user:secret@host/db", "", "file://another-host/path"])(
  "%j is refused without being repeated",
  async (url) => {
    const refused = { code: "configuration-invalid", message: expect.not.stringContaining("secret") };
    await expect(openStore({ databaseUrl: url })).rejects.toMatchObject(refused);
  },
);

test.each([
  "mongodb://",
  "mongodb://user:secret@host:port/db",
  "mongodb://user:secret@host/db?noSuchOption=1",
  "mongodb+srv://user:secret@host:27017/db",
])("%j is refused without being repeated", async (url) => {
  const refused = { code: "configuration-invalid", message: expect.not.stringContaining("secret") };
  for (const opened of [openStore({ databaseUrl: url }), openBlobs({ url, onError: unexpected })]) {
    const error: unknown = await opened.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject(refused);
    expect(inspect(error)).not.toContain("secret");
  }
});

async function* streamOf(text: string) {
  yield Buffer.from(text);
}
