import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { SlipwayError } from "@slipway/core";
import { expect, test } from "vitest";
import { gunzip } from "./gunzip.ts";

const never = new AbortController().signal;

/** Yields the bytes in chunks of this size. */
async function* chunks(bytes: Buffer, size: number) {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function unzipped(bytes: Buffer, size = bytes.length): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of gunzip(chunks(bytes, size), never)) parts.push(part);
  return Buffer.concat(parts);
}

/** The error of the decompression; null when it succeeds. */
const failure = (bytes: Buffer, size?: number) =>
  unzipped(bytes, size).then(
    () => null,
    (error: unknown) => (error instanceof SlipwayError ? error.code : error),
  );

const text = Buffer.from("hello ".repeat(5_000));
const noise = randomBytes(200_000);
const sizes = [1, 7, 4_096, 65_536, 1_000_000];

test.each(sizes)("gzip data in chunks of %i bytes is decompressed", async (size) => {
  for (const content of size < 4_096 ? [text] : [text, noise])
    expect((await unzipped(gzipSync(content), size)).equals(content)).toBe(true);
});

test.each([
  ["zeros, as in blocks of a tape", Buffer.alloc(20_000)],
  ["a line of text", Buffer.from("# signed by nobody\n")],
  ["noise that is longer than a chunk", Buffer.concat([Buffer.from("x"), randomBytes(300_000)])],
  ["half of the beginning of a member", Buffer.from([0x1f])],
])("after good gzip data %s is ignored, wherever chunks end", async (_what, after) => {
  for (const content of [text, noise, Buffer.alloc(0)]) {
    const bytes = Buffer.concat([gzipSync(content), after]);
    const end = bytes.length - after.length;
    for (const size of [4_096, 65_536, end, end + 1, end - 1, end - 8, bytes.length])
      expect((await unzipped(bytes, size)).equals(content)).toBe(true);
  }
});

test.each(sizes)("several members in chunks of %i bytes are one content", async (size) => {
  const bytes = Buffer.concat([
    gzipSync("one "),
    gzipSync(""),
    gzipSync("two "),
    gzipSync("three"),
    Buffer.from("after"),
  ]);
  expect((await unzipped(bytes, size)).toString()).toBe("one two three");
});

test("a member with extra field, name, comment and checksum of its header is read", async () => {
  const plain = gzipSync("content");
  const header = Buffer.from(plain.subarray(0, 10));
  header[3] = 2 | 4 | 8 | 16;
  const fields = Buffer.from("\x03\x00abc\x6eame\x00comment\x00\x00\x00", "latin1");
  expect((await unzipped(Buffer.concat([header, fields, plain.subarray(10)]), 5)).toString()).toBe("content");
  const endless = Buffer.concat([header, Buffer.from("\x00\x00"), Buffer.alloc(100_000, "n")]);
  expect(await failure(endless)).toBe("archive-invalid");
});

test("data that is truncated anywhere is refused as damaged", async () => {
  const bytes = gzipSync(text);
  for (let length = 4; length < bytes.length; length += 1)
    expect([length, await failure(bytes.subarray(0, length))]).toEqual([length, "archive-invalid"]);
});

test("a wrong checksum, a wrong size, a reserved flag, another method and damaged data are refused, also in a later member", async () => {
  const good = gzipSync(noise.subarray(0, 3_000));
  const changed = (index: number) => {
    const bytes = Buffer.from(good);
    const at = index < 0 ? bytes.length + index : index;
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    return bytes;
  };
  for (const index of [2, 3, 10, -8, -4]) {
    expect([index, await failure(changed(index), 1_000)]).toEqual([index, "archive-invalid"]);
    expect([index, await failure(Buffer.concat([good, changed(index)]))]).toEqual([index, "archive-invalid"]);
  }
});

test("the archive's own error and the signal's reason are thrown unchanged, and the archive is closed", async () => {
  let closed = 0;
  async function* broken(error?: Error) {
    try {
      yield gzipSync(noise).subarray(0, 100_000);
      if (error !== undefined) throw error;
    } finally {
      closed += 1;
    }
  }
  const lost = new Error("the connection was lost");
  const read = async (archive: AsyncGenerator<Buffer>, signal = never) => {
    for await (const _part of gunzip(archive, signal));
  };
  await expect(read(broken(lost))).rejects.toBe(lost);
  const reason = new Error("aborted");
  await expect(read(broken(), AbortSignal.abort(reason))).rejects.toBe(reason);
  for await (const _part of gunzip(broken(), never)) break;
  await expect.poll(() => closed).toBe(3);
});

test("a stalled archive does not delay an abort", async () => {
  const abort = new AbortController();
  const reason = new Error("aborted");
  const nothing = Promise.withResolvers<never>();
  async function* stalled() {
    yield gzipSync(noise).subarray(0, 1_000);
    abort.abort(reason);
    await nothing.promise;
  }
  const read = async () => {
    for await (const _part of gunzip(stalled(), abort.signal));
  };
  await expect(read()).rejects.toBe(reason);
});

test("as many members as allowed are read, and one more is refused", async () => {
  const members = (count: number) => Readable.from(Array.from({ length: count }, () => gzipSync("a")));
  const read = (count: number) => Array.fromAsync(gunzip(members(count), never, 3));
  expect(Buffer.concat(await read(3)).toString()).toBe("aaa");
  await expect(read(4)).rejects.toMatchObject({ code: "archive-invalid" });
});
