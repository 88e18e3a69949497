// The contract suite of the blob store port: what every adapter of it must do, as tests.

import { createHash, randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BlobStore, ByteStream } from "@slipway/core";

/** The location of blobs. Disposing it removes them. */
export interface BlobContractContext extends AsyncDisposable {
  /** Opens another blob store on the same blobs, as another process does. */
  open(): Promise<BlobStore>;
  /** Counts the stored blobs, complete or not, and parts of blobs. */
  leftovers(): Promise<number>;
}

const invalidKeys = [
  "",
  "/",
  "/a",
  "a/",
  "a//b",
  ".",
  "..",
  "a/../b",
  "../a",
  "a\\b",
  "a\0b",
  "a b",
  "ü",
  "x".repeat(201),
];

/**
 * Runs the suite.
 * @param name the adapter's. @param newContext provides an empty location; called once.
 */
export function blobContract(name: string, newContext: () => Promise<BlobContractContext>): void {
  describe(`${name} fulfills the blob store's contract`, () => {
    const opened = new AsyncDisposableStack();
    let context: BlobContractContext;
    let blobs: BlobStore;
    let other: BlobStore;
    beforeAll(async () => {
      context = opened.use(await newContext());
      blobs = opened.use(await context.open());
      other = opened.use(await context.open());
    });
    afterAll(() => opened.disposeAsync());

    const put = (key: string, text: string) => blobs.put(key, streamOf(text));
    const textOf = async (key: string) => {
      const blob = await other.get(key);
      if (blob === null) return null;
      const bytes = await bytesOf(blob.bytes);
      expect(blob.sizeBytes).toBe(bytes.length);
      return bytes.toString();
    };
    /** Runs `work`, which must fail and leave neither a blob nor a part of one. @returns its error. */
    const leavesNothing = async (work: () => Promise<unknown>) => {
      const before = await context.leftovers();
      const failure = await work().then(
        () => new Error("it did not fail"),
        (error: unknown) => error,
      );
      expect(await context.leftovers()).toBe(before);
      return failure;
    };

    describe("a blob", () => {
      test("a blob is read by any process, with its size", async () => {
        const key = `sources/${randomUUID()}.tar.gz`;
        expect(await blobs.put(key, streamOf("one", " ", "twö"))).toEqual({ sizeBytes: 8 });
        const blob = await other.get(key);
        expect(blob?.sizeBytes).toBe(8);
        expect(await bytesOf(blob?.bytes ?? streamOf())).toEqual(Buffer.from("one twö"));
      });

      test("a blob that does not exist is null", async () => {
        expect(await blobs.get(`sources/${randomUUID()}`)).toBeNull();
      });

      test("a blob may be empty", async () => {
        const key = randomUUID();
        expect(await blobs.put(key, streamOf())).toEqual({ sizeBytes: 0 });
        expect(await textOf(key)).toBe("");
      });

      test("a large blob is read in chunks", async () => {
        const key = randomUUID();
        const chunk = randomBytes(1024 * 1024);
        const expected = createHash("sha256");
        const sizeBytes = 40 * chunk.length;
        for (let index = 0; index < 40; index += 1) expected.update(chunk);
        expect(await blobs.put(key, repeat(chunk, 40))).toEqual({ sizeBytes });
        const found = createHash("sha256");
        let chunks = 0;
        for await (const bytes of (await other.get(key))?.bytes ?? streamOf()) {
          found.update(bytes);
          chunks += 1;
        }
        expect(chunks).toBeGreaterThan(10);
        expect(found.digest("hex")).toBe(expected.digest("hex"));
      });

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
        await blobs.delete(key);
        expect([await textOf(key), await textOf(`${key}/inner`)]).toEqual([null, "inner"]);
      });

      test("one of ten concurrent blobs of a key is stored whole", async () => {
        const key = randomUUID();
        const texts = Array.from({ length: 10 }, (_, index) => String(index).repeat(100_000));
        await Promise.all(
          texts.map((text, index) => (index % 2 === 0 ? blobs : other).put(key, streamOf(text))),
        );
        expect(texts).toContain(await textOf(key));
      });
    });

    describe("an unfinished blob", () => {
      test("a blob is not readable until it is complete, and the old one is until then", async () => {
        const key = randomUUID();
        await put(key, "old");
        const seen: (string | null)[] = [];
        await blobs.put(
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
        const failure = await leavesNothing(() => blobs.put(key, failing(broken)));
        expect(failure).toBe(broken);
        expect(await textOf(key)).toBe("old");
      });

      test("a put above the size limit fails with too-large, one of exactly the limit succeeds", async () => {
        const key = randomUUID();
        await blobs.put(key, streamOf("12345", "67890"), { maxSizeBytes: 10 });
        const failure = await leavesNothing(() =>
          blobs.put(key, streamOf("12345", "67890", "x"), { maxSizeBytes: 10 }),
        );
        expect(failure).toMatchObject({ code: "too-large" });
        expect(await textOf(key)).toBe("1234567890");
      });

      test("an aborted put leaves no parts, also while its stream yields nothing", async () => {
        const stop = new AbortController();
        const reason = new Error("no longer wanted");
        const failure = await leavesNothing(() => {
          const bytes = silentAfter("begun", () => stop.abort(reason));
          return blobs.put(randomUUID(), bytes, { signal: stop.signal });
        });
        expect(failure).toBe(reason);
      });

      test("a put whose signal is aborted already does not begin", async () => {
        const reason = new Error("too late");
        const failure = await leavesNothing(() =>
          blobs.put(randomUUID(), streamOf("bytes"), { signal: AbortSignal.abort(reason) }),
        );
        expect(failure).toBe(reason);
      });

      test("a put whose signal never aborts ends", async () => {
        const { signal } = new AbortController();
        expect(await blobs.put(randomUUID(), streamOf("a", "b"), { signal })).toEqual({ sizeBytes: 2 });
      });
    });

    describe("a blob being read", () => {
      test.each(["replaced", "deleted", "deleted with its prefix"])(
        "a blob that is being read is read to its end when %s",
        async (how) => {
          const prefix = `caches/${randomUUID()}/`;
          const bytes = randomBytes(2 * 1024 * 1024);
          await blobs.put(`${prefix}key`, streamOf(bytes));
          const blob = await other.get(`${prefix}key`);
          if (how === "replaced") await put(`${prefix}key`, "new");
          else if (how === "deleted") await blobs.delete(`${prefix}key`);
          else await blobs.deletePrefix(prefix);
          expect((await bytesOf(blob?.bytes ?? streamOf())).equals(bytes)).toBe(true);
        },
      );

      test("reading a blob may stop before its end", async () => {
        const key = randomUUID();
        await blobs.put(key, repeat(randomBytes(1024 * 1024), 4));
        let first = 0;
        for await (const bytes of (await blobs.get(key))?.bytes ?? streamOf()) {
          first = bytes.length;
          break;
        }
        expect(first).toBeGreaterThan(0);
        await blobs.delete(key);
      });
    });

    describe("deleting", () => {
      test("deleting a blob deletes no other, and may be repeated", async () => {
        const key = `sources/${randomUUID()}`;
        await put(key, "bytes");
        await put(`${key}0`, "its neighbor's");
        await blobs.delete(key);
        await blobs.delete(key);
        expect(await textOf(key)).toBeNull();
        expect(await textOf(`${key}0`)).toBe("its neighbor's");
      });

      test("deleting a prefix deletes all blobs below it and no other, and may be repeated", async () => {
        const app = randomUUID();
        const inside = [`caches/${app}/1/stack`, `caches/${app}/2/a/b`, `caches/${app}/x`];
        const outside = [`caches/${app}0/1/stack`, `caches/${app}`];
        for (const key of [...inside, ...outside]) await put(key, key);
        await blobs.deletePrefix(`caches/${app}/`);
        await blobs.deletePrefix(`caches/${app}/`);
        for (const key of inside) expect(await textOf(key)).toBeNull();
        for (const key of outside) expect(await textOf(key)).toBe(key);
        await put(`caches/${app}/1/stack`, "again");
        expect(await textOf(`caches/${app}/1/stack`)).toBe("again");
      });

      test("deleting a prefix while blobs are put below it fails none of the puts", async () => {
        const prefix = `caches/${randomUUID()}/`;
        const puts = Array.from({ length: 20 }, (_, index) => put(`${prefix}${index}/stack`, "bytes"));
        const deletes = Array.from({ length: 5 }, () => other.deletePrefix(prefix));
        await expect(Promise.all([...puts, ...deletes])).resolves.toHaveLength(25);
      });
    });

    describe("keys", () => {
      test.each(invalidKeys)("a key like %j is refused", async (key) => {
        const invalid = { code: "invalid" };
        await expect(blobs.put(key, streamOf("bytes"))).rejects.toMatchObject(invalid);
        await expect(blobs.get(key)).rejects.toMatchObject(invalid);
        await expect(blobs.delete(key)).rejects.toMatchObject(invalid);
        await expect(blobs.deletePrefix(`${key}/`)).rejects.toMatchObject(invalid);
      });

      test("a prefix without a / at the end is refused", async () => {
        await expect(blobs.deletePrefix("caches")).rejects.toMatchObject({ code: "invalid" });
      });
    });

    test("a blob store answers a ping", async () => {
      await expect(blobs.ping()).resolves.toBeUndefined();
    });
  });
}

async function* streamOf(...chunks: readonly (string | Uint8Array)[]): ByteStream {
  for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}

async function* repeat(chunk: Uint8Array, times: number): ByteStream {
  for (let index = 0; index < times; index += 1) yield chunk;
}

async function* failing(error: Error): ByteStream {
  yield Buffer.from("a good begin");
  throw error;
}

/** Yields once; when the reader requests more, calls `onRequest` and yields nothing. */
async function* silentAfter(text: string, onRequest: () => void): ByteStream {
  yield Buffer.from(text);
  setImmediate(onRequest);
  await new Promise<never>(() => undefined);
}

async function bytesOf(stream: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
