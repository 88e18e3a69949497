// What a blob store promises about putting blobs.

import { createHash, randomBytes, randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import { bytesOf, failing, repeat, silentAfter, streamOf } from "./streams.ts";
import { actionsOn } from "./under-test.ts";
import type { BlobsUnderTest } from "./under-test.ts";

export function storedBlobs(underTest: BlobsUnderTest): void {
  smallAndLargeBlobs(underTest);
  replacedBlobs(underTest);
}

export function unfinishedBlobs(underTest: BlobsUnderTest): void {
  failedPuts(underTest);
  abortedPuts(underTest);
}

function smallAndLargeBlobs(underTest: BlobsUnderTest): void {
  const { blobs, other } = underTest;
  const { textOf } = actionsOn(underTest);

  describe("a blob", () => {
    test("a blob is read by any process, with its size", async () => {
      const key = `sources/${randomUUID()}.tar.gz`;
      expect(await blobs().put(key, streamOf("one", " ", "twö"))).toEqual({ sizeBytes: 8 });
      const blob = await other().get(key);
      expect(blob?.sizeBytes).toBe(8);
      expect(await bytesOf(blob?.bytes ?? streamOf())).toEqual(Buffer.from("one twö"));
    });

    test("a blob that does not exist is null", async () => {
      expect(await blobs().get(`sources/${randomUUID()}`)).toBeNull();
    });

    test("a blob may be empty", async () => {
      const key = randomUUID();
      expect(await blobs().put(key, streamOf())).toEqual({ sizeBytes: 0 });
      expect(await textOf(key)).toBe("");
    });

    test("a large blob is read in chunks", async () => {
      const key = randomUUID();
      const chunk = randomBytes(1024 * 1024);
      const expected = createHash("sha256");
      const sizeBytes = 40 * chunk.length;
      for (let index = 0; index < 40; index += 1) expected.update(chunk);
      expect(await blobs().put(key, repeat(chunk, 40))).toEqual({ sizeBytes });
      const found = createHash("sha256");
      let chunks = 0;
      for await (const bytes of (await other().get(key))?.bytes ?? streamOf()) {
        found.update(bytes);
        chunks += 1;
      }
      expect(chunks).toBeGreaterThan(10);
      expect(found.digest("hex")).toBe(expected.digest("hex"));
    });
  });
}

function replacedBlobs(underTest: BlobsUnderTest): void {
  const { blobs, other } = underTest;
  const { put, textOf } = actionsOn(underTest);

  describe("several blobs", () => {
    test("a blob replaces the one before it, also a longer one", async () => {
      const key = randomUUID();
      await put(key, "a longer text");
      await put(key, "short");
      expect(await textOf(key)).toBe("short");
    });

    test("a blob's key may be the beginning of another's", async () => {
      const key = randomUUID();
      await put(key, "outer");
      await put(`${key}/inner`, "inner");
      expect([await textOf(key), await textOf(`${key}/inner`)]).toEqual(["outer", "inner"]);
      await blobs().delete(key);
      expect([await textOf(key), await textOf(`${key}/inner`)]).toEqual([null, "inner"]);
    });

    test("one of ten concurrent blobs of a key is stored whole", async () => {
      const key = randomUUID();
      const texts = Array.from({ length: 10 }, (_, index) => String(index).repeat(100_000));
      await Promise.all(
        texts.map((text, index) => (index % 2 === 0 ? blobs() : other()).put(key, streamOf(text))),
      );
      expect(texts).toContain(await textOf(key));
    });
  });
}

function failedPuts(underTest: BlobsUnderTest): void {
  const { blobs } = underTest;
  const { put, textOf, leavesNothing } = actionsOn(underTest);

  describe("an unfinished blob", () => {
    test("a blob is not readable until it is complete, and the old one is until then", async () => {
      const key = randomUUID();
      await put(key, "old");
      const seen: (string | null)[] = [];
      await blobs().put(
        key,
        (async function* () {
          yield Buffer.from("ne");
          seen.push(await textOf(key));
          yield Buffer.from("w");
        })(),
      );
      expect(seen).toEqual(["old"]);
      expect(await textOf(key)).toBe("new");
    });

    test("a put whose stream fails keeps the old blob, leaves no parts, and fails with the stream's error", async () => {
      const key = randomUUID();
      await put(key, "old");
      const broken = new Error("the client hung up");
      const failure = await leavesNothing(() => blobs().put(key, failing(broken)));
      expect(failure).toBe(broken);
      expect(await textOf(key)).toBe("old");
    });

    test("a put above the size limit fails with too-large, one of exactly the limit succeeds", async () => {
      const key = randomUUID();
      await blobs().put(key, streamOf("12345", "67890"), { maxSizeBytes: 10 });
      const failure = await leavesNothing(() =>
        blobs().put(key, streamOf("12345", "67890", "x"), { maxSizeBytes: 10 }),
      );
      expect(failure).toMatchObject({ code: "too-large" });
      expect(await textOf(key)).toBe("1234567890");
    });
  });
}

function abortedPuts(underTest: BlobsUnderTest): void {
  const { blobs } = underTest;
  const { leavesNothing } = actionsOn(underTest);

  describe("a put with a signal", () => {
    test("an aborted put leaves no parts, also while its stream yields nothing", async () => {
      const stop = new AbortController();
      const reason = new Error("no longer wanted");
      const failure = await leavesNothing(() => {
        const bytes = silentAfter("begun", () => stop.abort(reason));
        return blobs().put(randomUUID(), bytes, { signal: stop.signal });
      });
      expect(failure).toBe(reason);
    });

    test("a put whose signal is aborted already does not begin", async () => {
      const reason = new Error("too late");
      const failure = await leavesNothing(() =>
        blobs().put(randomUUID(), streamOf("bytes"), { signal: AbortSignal.abort(reason) }),
      );
      expect(failure).toBe(reason);
    });

    test("a put whose signal never aborts ends", async () => {
      const { signal } = new AbortController();
      expect(await blobs().put(randomUUID(), streamOf("a", "b"), { signal })).toEqual({ sizeBytes: 2 });
    });
  });
}
