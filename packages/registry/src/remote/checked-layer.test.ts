import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { packTar } from "@slipway/testkit";
import { expect, test } from "vitest";
import { checkedLayer } from "./checked-layer.ts";

const mebibyte = 1024 ** 2;
const sha256 = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const tar = await packTar({ "srv/page": "x".repeat(100_000) });
const packed = gzipSync(tar);

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 100) yield bytes.subarray(start, start + 100);
}

function layerOf(content: Uint8Array, isCompressed = true) {
  return { digest: sha256(content), diffId: sha256(tar), isCompressed, sizeBytes: content.length };
}

function check(content: Uint8Array, changes: object = {}, leftBytes = mebibyte) {
  const limit = { maxBytes: 8 * mebibyte, leftBytes };
  return checkedLayer(inChunks(content), { ...layerOf(content), ...changes }, limit);
}

test.each([
  ["compressed", packed, true],
  ["plain", tar, false],
])(
  "a %s layer passes through unchanged, and the size of its tar is known",
  async (_name, content, isCompressed) => {
    const checked = check(content, { isCompressed });
    expect(Buffer.concat(await Array.fromAsync(checked.bytes))).toEqual(Buffer.from(content));
    expect(checked.unpackedBytes()).toBe(tar.length);
    expect(checked.failure()).toBeUndefined();
  },
);

test.each([
  ["another digest", packed, { digest: sha256(tar) }, "build-failed", "is not the one with this digest"],
  [
    "fewer bytes than stated",
    packed,
    { sizeBytes: packed.length + 1 },
    "build-failed",
    "is not the one with",
  ],
  ["another tar", packed, { diffId: sha256(packed) }, "build-failed", "the image's configuration names"],
  ["no gzip", tar, {}, "build-failed", "is not compressed by gzip"],
  ["half of a gzip", packed.subarray(0, -20), {}, "build-failed", "is not compressed by gzip"],
  ["no tar", gzipSync("words"), {}, "build-failed", "cannot be unpacked"],
])("a layer with %s is refused", async (_name, content, changes, code, message) => {
  const checked = check(content, changes);
  const expected = expect.objectContaining({ code, message: expect.stringContaining(message) });
  await expect(Array.fromAsync(checked.bytes)).rejects.toEqual(expected);
  expect(checked.failure()).toEqual(expected);
});

test("a layer that unpacks to more than is left is refused before it is unpacked", async () => {
  const zeros = await packTar({ zeros: "\0".repeat(4 * mebibyte) });
  const content = gzipSync(zeros);
  const checked = check(content, { diffId: sha256(zeros) });
  await expect(Array.fromAsync(checked.bytes)).rejects.toMatchObject({
    code: "image-too-large",
    message: `the layer ${sha256(content)} is too large: the layers of an image may unpack to 8 MiB (IMAGE_MAX_MB), of which the layers before it left 1 MiB`,
  });
  expect(checked.unpackedBytes()).toBeLessThan(mebibyte);
});

test("the source's own error is thrown unchanged", async () => {
  const cut = new Error("the connection broke");
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield packed.subarray(0, 50);
    throw cut;
  }
  const checked = checkedLayer(broken(), layerOf(packed), { maxBytes: mebibyte, leftBytes: mebibyte });
  await expect(Array.fromAsync(checked.bytes)).rejects.toBe(cut);
});
