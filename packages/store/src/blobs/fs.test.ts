import { mkdir, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { blobContract } from "@slipway/testkit";
import { temporaryDirectory } from "../temporary-directory.ts";
import type { TemporaryDirectory } from "../temporary-directory.ts";
import { openFileBlobs } from "./fs.ts";

const hourMs = 3_600_000;

blobContract("the file system", async () => {
  const directory = await temporaryDirectory();
  return {
    open: () => openFileBlobs({ directory: directory.path }),
    leftovers: async () => {
      const found = await readdir(directory.path, { recursive: true, withFileTypes: true });
      return found.filter((entry) => entry.isFile()).length;
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
});

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
});
afterEach(() => directory[Symbol.asyncDispose]());

test("opening removes what was left unfinished a day ago, and nothing younger", async () => {
  const unfinished = join(directory.path, "tmp");
  await mkdir(join(unfinished, "old-folder/below"), { recursive: true });
  for (const name of ["old", "young"]) await writeFile(join(unfinished, name), "half a blob");
  for (const [name, hours] of [
    ["old", 25],
    ["old-folder", 25],
    ["young", 23],
  ] as const) {
    const at = new Date(Date.now() - hours * hourMs);
    await utimes(join(unfinished, name), at, at);
  }
  await openFileBlobs({ directory: directory.path });
  expect(await readdir(unfinished)).toEqual(["young"]);
});

test("blobs are for this user's eyes only", async () => {
  const blobs = await openFileBlobs({ directory: join(directory.path, "deep/blobs") });
  await blobs.put("sources/a", one("bytes"));
  const modeOf = async (path: string) => (await stat(join(directory.path, "deep/blobs", path))).mode & 0o777;
  expect(await modeOf("blobs")).toBe(0o700);
  expect(await modeOf("blobs/sources/a~")).toBe(0o600);
});

test("a directory that is gone, or a file, is store-unavailable", async () => {
  const unavailable = { code: "store-unavailable" };
  const blobs = await openFileBlobs({ directory: directory.path });
  await rm(join(directory.path, "tmp"), { recursive: true });
  await expect(blobs.ping()).rejects.toMatchObject(unavailable);
  await expect(blobs.put("a", one("bytes"))).rejects.toMatchObject(unavailable);
  await writeFile(join(directory.path, "file"), "");
  const inFile = openFileBlobs({ directory: join(directory.path, "file") });
  await expect(inFile).rejects.toMatchObject({ ...unavailable, cause: { code: "ENOTDIR" } });
});

async function* one(text: string) {
  yield Buffer.from(text);
}
