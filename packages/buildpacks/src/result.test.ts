import { packTar, type TarContent } from "@slipway/testkit";
import { encodeHeader } from "@slipway/tar";
import { expect, test } from "vitest";
import { resultOf } from "./result.ts";

async function* tarOf(entries: Readonly<Record<string, TarContent>>): AsyncGenerator<Uint8Array> {
  yield packTar(entries);
}

test("the runner's files are read and others are ignored", async () => {
  const result = await resultOf(
    tarOf({
      "result/": "",
      "result/Procfile": "web: x\n",
      "result/buildpack": "nodejs\n",
      "result/other": "x".repeat(100_000),
      "result/release.yml": { kind: "symlink", target: "/etc/passwd" },
    }),
  );
  expect(result).toEqual({
    buildpack: "nodejs",
    release: null,
    procfile: "web: x\n",
    slugIgnore: null,
    hasEmptyCache: false,
    keepsDependencies: false,
  });
});

test("a result without a buildpack, with a large file or with too many files is rejected", async () => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`result/${index}`, ""]));
  await expect(resultOf(tarOf({ "result/Procfile": "x" }))).rejects.toMatchObject({ code: "build-failed" });
  await expect(resultOf(tarOf({ "result/Procfile": "x".repeat(70_000) }))).rejects.toThrow(
    /Procfile is larger/,
  );
  await expect(resultOf(tarOf(many))).rejects.toMatchObject({
    code: "build-failed",
    message: expect.stringContaining("more than 100 files"),
  });
});

test("a sparse file is rejected by its size without being read", async () => {
  async function* sparse(): AsyncGenerator<Uint8Array> {
    const common = { mode: 0o644, uid: 0, gid: 0, mtime: new Date(0) };
    yield encodeHeader({ ...common, kind: "file", path: "result/x", sizeBytes: 4 * 2 ** 40 });
    throw new Error("the content was read");
  }
  await expect(resultOf(sparse())).rejects.toMatchObject({
    code: "build-failed",
    message: expect.stringContaining("its files are larger than"),
  });
});

test("a damaged tar is not the build's fault", async () => {
  async function* truncated(): AsyncGenerator<Uint8Array> {
    yield (await packTar({ "result/buildpack": "nodejs\n" })).subarray(0, 700);
  }
  await expect(resultOf(truncated())).rejects.toMatchObject({ name: "TarError", problem: "damaged" });
});
