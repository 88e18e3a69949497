import {
  chmod,
  mkdir,
  mkdtempDisposable,
  readdir,
  readlink,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises";
import type { DisposableTempDir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { blobContract, drain, unexpected } from "@slipway/testkit";
import { openFileBlobs } from "./fs.ts";

const hourMs = 3_600_000;

blobContract("the file system", async () => {
  const directory = await mkdtempDisposable(join(tmpdir(), "slipway-store-"));
  return {
    open: () => openFileBlobs({ directory: directory.path, onError: unexpected }),
    leftovers: async () => {
      const found = await readdir(directory.path, { recursive: true, withFileTypes: true });
      return found.filter((entry) => entry.isFile()).length;
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
});

let directory: DisposableTempDir;
beforeEach(async () => {
  directory = await mkdtempDisposable(join(tmpdir(), "slipway-store-"));
});
afterEach(() => directory[Symbol.asyncDispose]());

test("cleaning removes what was left unfinished a day ago, and nothing younger", async () => {
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
  await using blobs = await openFileBlobs({ directory: directory.path, onError: unexpected });
  await blobs.clean();
  expect(await readdir(unfinished)).toEqual(["young"]);
});

test("blobs are readable by this user only", async () => {
  const blobs = await openFileBlobs({ directory: join(directory.path, "deep/blobs"), onError: unexpected });
  await blobs.put("sources/a", one("bytes"));
  const modeOf = async (path: string) => (await stat(join(directory.path, "deep/blobs", path))).mode & 0o777;
  expect(await modeOf("blobs")).toBe(0o700);
  expect(await modeOf("blobs/sources/a~")).toBe(0o600);
});

test("a group that may write to the directory may write to each folder and blob", async () => {
  const root = join(directory.path, "shared");
  await mkdir(root);
  await chmod(root, 0o2770);
  const before = process.umask(0o007);
  try {
    const blobs = await openFileBlobs({ directory: root, onError: unexpected });
    await blobs.put("sources/a", one("bytes"));
  } finally {
    process.umask(before);
  }
  const modeOf = async (path: string) => ((await stat(join(root, path))).mode & 0o7777).toString(8);
  for (const folder of ["blobs", "tmp", "blobs/sources"]) expect(await modeOf(folder)).toBe("2770");
  expect(await modeOf("blobs/sources/a~")).toBe("660");
});

test("a directory that is gone, or a file, is store-unavailable", async () => {
  const unavailable = { code: "store-unavailable" };
  const blobs = await openFileBlobs({ directory: directory.path, onError: unexpected });
  await rm(join(directory.path, "tmp"), { recursive: true });
  await expect(blobs.ping()).rejects.toMatchObject(unavailable);
  await expect(blobs.put("a", one("bytes"))).rejects.toMatchObject(unavailable);
  await writeFile(join(directory.path, "file"), "");
  const inFile = openFileBlobs({ directory: join(directory.path, "file"), onError: unexpected });
  await expect(inFile).rejects.toMatchObject({ ...unavailable, cause: { code: "ENOTDIR" } });
});

test("an upload fails with its own error, and the failure of its clean-up is reported", async () => {
  const reported: unknown[] = [];
  await using blobs = await openFileBlobs({
    directory: directory.path,
    onError: (error) => reported.push(error),
  });
  const broken = new Error("the client hung up");
  const unfinished = join(directory.path, "tmp");
  const upload = blobs.put(
    "key",
    (async function* () {
      yield Buffer.from("half a blob");
      await rename(unfinished, join(directory.path, "elsewhere"));
      await writeFile(unfinished, "no folder");
      throw broken;
    })(),
  );
  await expect(upload).rejects.toBe(broken);
  expect(reported).toMatchObject([{ code: "store-unavailable" }]);
});

test.runIf(process.platform === "linux")(
  "a blob that is opened and not read is closed when it is released",
  async () => {
    await using blobs = await openFileBlobs({ directory: directory.path, onError: unexpected });
    await blobs.put("key", one("a blob"));
    const blob = await blobs.get("key");
    expect(await openFiles()).toContain(join(directory.path, "blobs/key~"));
    await blob?.bytes[Symbol.asyncDispose]();
    await expect.poll(openFiles).not.toContain(join(directory.path, "blobs/key~"));
  },
);

test("a blob that cannot be read is store-unavailable", async () => {
  await using blobs = await openFileBlobs({ directory: directory.path, onError: unexpected });
  // A folder can be opened like a file, but not read like one.
  await mkdir(join(directory.path, "blobs/key~"));
  const blob = await blobs.get("key");
  await expect(drain(blob?.bytes ?? one(""))).rejects.toMatchObject({
    code: "store-unavailable",
    cause: { code: "EISDIR" },
  });
});

/** Paths of this process's open files. */
async function openFiles(): Promise<(string | null)[]> {
  const open = await readdir("/proc/self/fd");
  // Some are already closed by now, for example the folder itself.
  return Promise.all(open.map((fd) => readlink(join("/proc/self/fd", fd)).catch(() => null)));
}

async function* one(text: string) {
  yield Buffer.from(text);
}
