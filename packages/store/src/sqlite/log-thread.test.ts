import { randomUUID } from "node:crypto";
import { mkdtempDisposable, rename } from "node:fs/promises";
import type { DisposableTempDir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { LogChunk } from "@slipway/core";
import { aLogChunk } from "@slipway/testkit";
import { LogThread } from "./log-thread.ts";
import { openSqliteStore } from "./store.ts";

let directory: DisposableTempDir;
let path: string;
beforeEach(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), "slipway-log-thread-"));
  path = join(directory.path, "slipway.db");
});
afterEach(() => directory[Symbol.asyncDispose]());

/** A chunk that is large enough for the thread. */
const largeChunk = (values: Partial<LogChunk>) => aLogChunk({ text: "x".repeat(200_000), ...values });

test("large chunks are stored by a thread: an older attempt's are refused, a repeated one changes nothing", async () => {
  await using store = await openSqliteStore({ path });
  const deploymentId = randomUUID();
  const first = largeChunk({ deploymentId, firstSeq: 1 });
  const [second, third] = [
    { ...first, firstSeq: 2 },
    { ...first, firstSeq: 3 },
  ];
  expect(await store.logs.append(first)).toBe(true);
  expect(await store.logs.append(second)).toBe(true);
  expect(await store.logs.append(second)).toBe(true);
  const newer = { ...second, attempt: second.attempt + 1, text: "y".repeat(200_000) };
  expect(await store.logs.append(newer)).toBe(true);
  expect(await store.logs.append(third)).toBe(false);
  expect(await store.logs.read(deploymentId, 1, 10)).toEqual([first, newer]);
  // A small chunk after large ones, stored by the store's own connection.
  const small = { ...newer, firstSeq: 3, text: "small" };
  expect(await store.logs.append(small)).toBe(true);
  expect(await store.logs.read(deploymentId, 3, 10)).toEqual([small]);
});

test("closing the store waits for chunks that are being stored, and refuses later ones", async () => {
  const store = await openSqliteStore({ path });
  const chunk = largeChunk({ firstSeq: 1 });
  const storing = store.logs.append(chunk);
  await store[Symbol.asyncDispose]();
  expect(await storing).toBe(true);
  await expect(store.logs.append(largeChunk({ firstSeq: 2 }))).rejects.toMatchObject({
    code: "store-unavailable",
  });
  await using again = await openSqliteStore({ path });
  expect(await again.logs.lastSeq(chunk.deploymentId)).toBe(1);
});

test("a failure of the thread rejects the caller's append, and a later chunk is stored", async () => {
  await using store = await openSqliteStore({ path });
  const moved = `${path}-moved`;
  const chunk = largeChunk({ firstSeq: 1 });
  await rename(path, moved);
  await expect(store.logs.append(chunk)).rejects.toMatchObject({ code: "store-unavailable" });
  await rename(moved, path);
  expect(await store.logs.append(chunk)).toBe(true);
});

test("a thread without chunks ends, and the next chunk starts another one", async () => {
  await (await openSqliteStore({ path }))[Symbol.asyncDispose]();
  await using thread = new LogThread({ path, idleMs: 1 });
  expect(await thread.append(largeChunk({ firstSeq: 1 }))).toBe(true);
  await expect.poll(() => thread.isRunning).toBe(false);
  expect(await thread.append(largeChunk({ firstSeq: 2 }))).toBe(true);
});
