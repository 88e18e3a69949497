import { spawn, spawnSync } from "node:child_process";
import { chmod, link, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ByteStream } from "@slipway/core";
import { readEntries } from "@slipway/tar";
import { packTar } from "@slipway/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { slugTransform } from "./slug.ts";

const bounds = {
  from: "build",
  folder: "",
  ignore: null,
  maxSizeBytes: 10 ** 8,
  mtime: new Date("2024-01-01T00:00:00Z"),
};
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slug-"));
  await mkdir(join(folder, "build"));
});
afterEach(() => rm(folder, { recursive: true }));

/** GNU tar's archive of build/, which resembles the engine's. */
function tarOfBuild(...options: string[]): ByteStream {
  return spawn("tar", ["-C", folder, "--sort=name", ...options, "-cf", "-", "build"]).stdout;
}

async function put(path: string, text: string, mode = 0o644): Promise<void> {
  await mkdir(join(folder, "build", path, ".."), { recursive: true });
  await writeFile(join(folder, "build", path), text);
  await chmod(join(folder, "build", path), mode);
}

async function bytes(tar: ByteStream): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(tar));
}

async function layer(tar: ByteStream, ignore: string | null = null) {
  const entries = [];
  for await (const entry of readEntries(slugTransform({ ...bounds, ignore })(tar), {}))
    entries.push({ ...entry, text: (await bytes(entry.body)).toString() });
  return entries;
}

async function names(ignore: string | null): Promise<readonly string[]> {
  return (await layer(tarOfBuild(), ignore)).map(({ path }) => path);
}

test("files are below app/ and belong to the stack's user, with their content and without special mode bits", async () => {
  await put("index.js", "x".repeat(513));
  await put("bin/tool", "tool", 0o6755);
  const entries = await layer(tarOfBuild());
  expect(entries.map(({ path, kind, mode, text }) => [path, kind, mode, text.length])).toEqual([
    ["app/", "directory", 0o755, 0],
    ["app/bin/", "directory", 0o755, 0],
    ["app/bin/tool", "file", 0o755, 4],
    ["app/index.js", "file", 0o644, 513],
  ]);
  for (const { uid, gid, mtime } of entries)
    expect([uid, gid, mtime]).toEqual([2000, 2000, new Date("2024-01-01T00:00:00Z")]);
});

test("the same files give the same bytes, regardless of times and owners", async () => {
  await put("a", "1");
  await put("b", "2");
  const first = await bytes(slugTransform(bounds)(tarOfBuild()));
  await utimes(join(folder, "build/a"), 1, 1);
  const second = await bytes(slugTransform(bounds)(tarOfBuild("--owner=daemon", "--format=pax")));
  expect(second.equals(first)).toBe(true);
});

test("GNU tar extracts the layer, including long and non-ASCII names and links", async () => {
  const long = `${"d".repeat(90)}/${"f".repeat(90)}é😀`;
  await put(long, "long");
  await put("a", "linked");
  await put("z/empty", "");
  await link(join(folder, "build/a"), join(folder, "build/b"));
  await symlink(`../${long}`, join(folder, "build/z/relative"));
  await symlink("/work/build/a", join(folder, "build/z/absolute"));
  await symlink("/builder", join(folder, "build/z/other"));
  const unpack = spawn("tar", ["-C", folder, "--no-same-owner", "-xf", "-"], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  const ended = new Promise((resolve) => unpack.once("close", resolve));
  await pipeline(Readable.from(slugTransform(bounds)(tarOfBuild())), unpack.stdin);
  expect(await ended).toBe(0);
  expect(await readFile(join(folder, "app", long), "utf8")).toBe("long");
  expect(await readFile(join(folder, "app/b"), "utf8")).toBe("linked");
  expect(await readFile(join(folder, "app/z/relative"), "utf8")).toBe("long");
  const links = Object.fromEntries((await layer(tarOfBuild())).map(({ path, target }) => [path, target]));
  expect(links).toMatchObject({ "app/b": "app/a", "app/z/absolute": "/app/a", "app/z/other": "/builder" });
});

test("devices, pipes, .git and the paths of .slugignore are omitted", async () => {
  await put(".git/config", "");
  await put(".gitignore", "");
  await put("docs/a", "");
  await put("a.log", "");
  expect(spawnSync("mkfifo", [join(folder, "build/pipe")]).status).toBe(0);
  expect(await names("docs\n*.log")).toEqual(["app/", "app/.gitignore"]);
  expect(await names("*")).toEqual(["app/"]);
});

test("a hard link to an omitted file is rejected", async () => {
  await put("a", "x");
  await link(join(folder, "build/a"), join(folder, "build/b"));
  await expect(names("a")).rejects.toMatchObject({
    code: "build-failed",
    message: expect.stringContaining("hard link to a"),
  });
  expect(await names("b")).toEqual(["app/", "app/a"]);
});

// GNU tar stores both as pipes; an engine stores the second as a hard link.
test("a hard link to a pipe is rejected, because the pipe is omitted", async () => {
  expect(spawnSync("mkfifo", [join(folder, "build/pipe")]).status).toBe(0);
  const headersOfFolderAndPipe = (await bytes(tarOfBuild())).subarray(0, 2 * 512);
  async function* tar(): AsyncGenerator<Uint8Array> {
    yield headersOfFolderAndPipe;
    yield packTar({ "build/second": { kind: "hardlink", target: "build/pipe" } });
  }
  await expect(layer(tar())).rejects.toMatchObject({
    code: "build-failed",
    message: expect.stringContaining("second is a hard link to pipe"),
  });
});

test("a layer above the size limit is rejected, and headers of empty files count", async () => {
  await put("a", "");
  await put("b", "");
  const transform = slugTransform({ ...bounds, maxSizeBytes: 3 * 512 });
  expect(await bytes(transform(tarOfBuild()))).toHaveLength(5 * 512);
  await put("c", "");
  await expect(bytes(transform(tarOfBuild()))).rejects.toMatchObject({ code: "image-too-large" });
});

test("the layer fails with the source's error, and when the tar is truncated", async () => {
  await put("a", "x".repeat(5000));
  const whole = await bytes(tarOfBuild());
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield whole.subarray(0, 2048);
    throw new Error("engine gone");
  }
  await expect(bytes(slugTransform(bounds)(failing()))).rejects.toThrow("engine gone");
  await expect(bytes(slugTransform(bounds)(Readable.from([whole.subarray(0, 2048)])))).rejects.toThrow(
    /truncated/,
  );
});

test("a reader that stops early closes the source", async () => {
  await put("a", "x".repeat(1_000_000));
  const whole = await bytes(tarOfBuild());
  let sentBytes = 0;
  let ended = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (; sentBytes < whole.length; sentBytes += 2048) yield whole.subarray(sentBytes, sentBytes + 2048);
    } finally {
      ended = true;
    }
  }
  for await (const chunk of slugTransform(bounds)(source())) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
  expect(ended).toBe(true);
  expect(sentBytes).toBeLessThan(200_000);
});

test("names outside the build folder are an internal error", async () => {
  await expect(bytes(slugTransform(bounds)(tarOfBuild("--transform=s/build/other/")))).rejects.toMatchObject({
    code: "internal",
  });
});

test("a folder of its own becomes a folder of the app, with its links, and .slugignore applies to its place there", async () => {
  await put("lib/index.js", "lib");
  await put("lib/docs/readme.md", "docs");
  await link(join(folder, "build/lib/index.js"), join(folder, "build/main.js"));
  const options = { ...bounds, folder: "node_modules/", ignore: "node_modules/lib/docs" };
  const found = await tarNames(slugTransform(options)(tarOfBuild()));
  expect(found).toEqual([
    "app/node_modules/",
    "app/node_modules/lib/",
    "app/node_modules/lib/index.js",
    "app/node_modules/main.js -> app/node_modules/lib/index.js",
  ]);
});

async function tarNames(tar: ByteStream): Promise<readonly string[]> {
  const entries = await Array.fromAsync(readEntries(tar, {}));
  return entries.map(({ path, target }) => (target ? `${path} -> ${target}` : path));
}
