import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { packTar } from "@slipway/testkit";
import { ImageFiles, readLayerFiles } from "./image-files.ts";
import type { LayerFiles } from "./image-files.ts";
import { UnreadableImage } from "./unreadable-image.ts";

const budget = { bytes: 1_000, paths: 20 };
const limits = { maxUnpackedBytes: 1024 ** 2, budget };
const chosen = (path: string) => (path.startsWith("chosen/") ? 700 : undefined);

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 700) yield bytes.subarray(start, start + 700);
}

async function layerOf(files: Parameters<typeof packTar>[0], left = budget): Promise<LayerFiles> {
  return readLayerFiles(inChunks(await packTar(files)), chosen, { ...limits, budget: left });
}

async function imageOf(...layers: readonly Parameters<typeof packTar>[0][]) {
  const image = new ImageFiles(budget);
  for (const files of layers) image.add(await layerOf(files, image.left));
  return Object.fromEntries([...image.files].map(([path, content]) => [path, String(content)]));
}

test.each([
  ["as it is", (tar: Buffer) => tar],
  ["with gzip", (tar: Buffer) => gzipSync(tar)],
  ["with zstd", (tar: Buffer) => zstdCompressSync(tar)],
])("chosen files of a layer are read, %s", async (_how, pack) => {
  const tar = await packTar({ "chosen/a": "A", "other/b": "B" });
  const layer = await readLayerFiles(inChunks(pack(tar)), chosen, limits);
  expect([...layer.files]).toEqual([["chosen/a", Buffer.from("A")]]);
});

describe("an upper layer", () => {
  const lower = { "chosen/a": "A", "chosen/folder/b": "B", "chosen/folder/c": "C" };

  test.each<[string, Parameters<typeof packTar>[0], Record<string, string>]>([
    ["replaces a file", { "./chosen/a": "new" }, { ...lower, "chosen/a": "new" }],
    ["removes a file", { "chosen/.wh.a": "" }, { "chosen/folder/b": "B", "chosen/folder/c": "C" }],
    ["removes a folder", { "chosen/.wh.folder": "" }, { "chosen/a": "A" }],
    [
      "replaces the content of a folder",
      { "chosen/folder/.wh..wh..opq": "", "chosen/folder/d": "D" },
      { "chosen/a": "A", "chosen/folder/d": "D" },
    ],
    [
      "replaces a file by a link, which is not followed",
      { "chosen/a": { kind: "symlink", target: "/etc/passwd" } },
      { "chosen/folder/b": "B", "chosen/folder/c": "C" },
    ],
  ])("an upper layer %s", async (_what, upper, left) => {
    expect(await imageOf(lower, upper)).toEqual(left);
  });
});

test.each<[string, Uint8Array | Promise<Uint8Array>]>([
  ["is no tar", Buffer.alloc(2_000, "x")],
  ["is no gzip", Buffer.concat([Buffer.from("1f8b", "hex"), Buffer.alloc(2_000, "x")])],
  ["is truncated", packTar({ "chosen/a": "x".repeat(600) }).then((tar) => tar.subarray(0, 700))],
  [
    "has chosen files beyond the budget",
    packTar({ "chosen/a": "x".repeat(600), "chosen/b": "x".repeat(600) }),
  ],
  ["has a chosen file beyond its limit", packTar({ "chosen/a": "x".repeat(701) })],
  ["has a path that no system can open", packTar({ [`${"/".repeat(5_000)}a`]: "" })],
  [
    "removes more than the budget",
    packTar(Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`.wh.${index}`, ""]))),
  ],
  ["removes names beyond the budget", packTar({ [`${"a/".repeat(500)}.wh.b`]: "" })],
  [
    "empties more than the budget",
    packTar(Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`${index}/.wh..wh..opq`, ""]))),
  ],
  ["unpacks to more than the limit", packTar({ a: "x".repeat(2 * 1024 ** 2) }).then((tar) => gzipSync(tar))],
])("a layer that %s cannot be read", async (_what, bytes) => {
  await expect(readLayerFiles(inChunks(await bytes), chosen, limits)).rejects.toThrow(UnreadableImage);
});

test("all layers of an image share its budget, also those that were read for another image", async () => {
  const layer = { "chosen/a": "x".repeat(600) };
  await expect(imageOf(layer, layer)).rejects.toThrow(UnreadableImage);
  const remembered = await layerOf(layer);
  const image = new ImageFiles(budget);
  image.add(remembered);
  expect(image.left).toEqual({ bytes: 1_000 - 600 - "chosen/a".length, paths: 19 });
  expect(() => image.add(remembered)).toThrow(UnreadableImage);
});

test("a folder with the beginning of a removed name is kept", async () => {
  expect(await imageOf({ "chosen/ab/c": "C", "chosen/a/c": "C" }, { "chosen/.wh.a": "" })).toEqual({
    "chosen/ab/c": "C",
  });
  expect(await imageOf({ "chosen/a": "A" }, { ".wh..wh..opq": "" })).toEqual({});
});

test("a failure of the stream is not taken for a damaged layer", async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield gzipSync("x").subarray(0, 12);
    throw new Error("the registry is gone");
  }
  await expect(readLayerFiles(failing(), chosen, limits)).rejects.toThrow("the registry is gone");
});
