import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { packTar } from "@slipway/testkit";
import { overlaid, readLayerFiles } from "./image-files.ts";
import type { LayerFiles } from "./image-files.ts";

const limits = { maxUnpackedBytes: 1024 ** 2, maxFileBytes: 1_000 };
const chosen = (path: string) => path.startsWith("chosen/");

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 700) yield bytes.subarray(start, start + 700);
}

async function layerOf(files: Parameters<typeof packTar>[0], some = limits): Promise<LayerFiles | null> {
  return readLayerFiles(inChunks(await packTar(files)), chosen, some);
}

async function imageOf(...layers: readonly Parameters<typeof packTar>[0][]) {
  const read = await Promise.all(layers.map((files) => layerOf(files)));
  return Object.fromEntries(
    [...overlaid(read.filter((layer) => layer !== null))].map(([path, content]) => [path, String(content)]),
  );
}

test.each([
  ["as it is", (tar: Buffer) => tar],
  ["with gzip", (tar: Buffer) => gzipSync(tar)],
  ["with zstd", (tar: Buffer) => zstdCompressSync(tar)],
])("chosen files of a layer are read, %s", async (_how, pack) => {
  const tar = await packTar({ "chosen/a": "A", "other/b": "B" });
  const layer = await readLayerFiles(inChunks(pack(tar)), chosen, limits);
  expect([...(layer?.files ?? [])]).toEqual([["chosen/a", Buffer.from("A")]]);
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
    "has chosen files beyond the limit",
    packTar({ "chosen/a": "x".repeat(600), "chosen/b": "x".repeat(600) }),
  ],
  ["unpacks to more than the limit", packTar({ a: "x".repeat(2 * 1024 ** 2) }).then((tar) => gzipSync(tar))],
])("a layer that %s has no files", async (_what, bytes) => {
  expect(await readLayerFiles(inChunks(await bytes), chosen, limits)).toBeNull();
});

test("a failure of the stream is not taken for a damaged layer", async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield gzipSync("x").subarray(0, 12);
    throw new Error("the registry is gone");
  }
  await expect(readLayerFiles(failing(), chosen, limits)).rejects.toThrow("the registry is gone");
});
