// Build caches that cannot be read, on a real blob store; the sandbox only reads what it is given, as an engine does.

import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { Readable } from "node:stream";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { cacheBlobKey, SlipwayError } from "@slipway/core";
import type { ByteStream, Sandbox } from "@slipway/core";
import { openBlobs } from "@slipway/store";
import type { Attempt } from "./attempt.ts";
import { restoreCache } from "./cache.ts";

const key = cacheBlobKey("an-app", 1, "stack:1");

async function restored(bytes: Buffer, failure?: SlipwayError) {
  await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-cache-"));
  await using blobs = await openBlobs({
    url: `file:${folder.path}`,
    onError: (error) => {
      throw error;
    },
  });
  await blobs.put(key, Readable.from([bytes]));
  const lines: string[] = [];
  const attempt = {
    platform: { blobs, config: { STACK_IMAGE: "stack:1" } },
    app: { id: "an-app", cacheVersion: 1 },
    log: { line: (line: string) => lines.push(line) },
    signal: new AbortController().signal,
  } as unknown as Attempt;
  const sandbox = {
    upload: async (_path: string, tar: ByteStream) => {
      if (failure !== undefined) throw failure;
      await Array.fromAsync(tar);
    },
  } as unknown as Sandbox;
  const error = await restoreCache(attempt, sandbox).then(
    () => null,
    (thrown: unknown) => thrown as SlipwayError,
  );
  const kept = await blobs.get(key);
  await kept?.bytes[Symbol.asyncIterator]().return?.();
  return { error, lines, isKept: kept !== null };
}

test("a cache that can be read is kept", async () => {
  expect(await restored(zstdCompressSync("a tar"))).toEqual({ error: null, lines: [], isKept: true });
});

test("a damaged one is deleted, so that the next attempt builds without it", async () => {
  const { error, lines, isKept } = await restored(Buffer.from("no zstd at all"));
  expect(error).toMatchObject({ code: "internal", retryable: true });
  expect(lines).toEqual([" !     The build cache is damaged: it is deleted"]);
  expect(isKept).toBe(false);
});

test("one that an engine could not take is kept", async () => {
  const away = new SlipwayError("engine-unavailable", "the engine is away");
  expect(await restored(zstdCompressSync("a tar"), away)).toEqual({ error: away, lines: [], isKept: true });
});
