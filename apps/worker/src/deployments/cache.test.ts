// Saving and restoring build caches, with a real blob store and a real engine. Only failures of the engine are scripted.

import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { Readable } from "node:stream";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { cacheBlobKey, SlipwayError } from "@slipway/core";
import type { Sandbox } from "@slipway/core";
import { openEngine } from "@slipway/engine";
import { createLogger } from "@slipway/service";
import { openBlobs } from "@slipway/store";
import { readEntries, writeEntries } from "@slipway/tar";
import type { NewEntry } from "@slipway/tar";
import { lacksEngine, newInstallation, packTar, testEngine } from "@slipway/testkit";
import { openIncludingCache, restoreCache, saveCache } from "./cache.ts";
import type { CacheAttempt, CacheContext } from "./cache.ts";

const mebibyte = 1024 ** 2;
const key = cacheBlobKey("an-app", 1, "stack:1");
const never = new AbortController().signal;
const diskBytes = 16 * mebibyte;
const nextWithout = " !     The build cache is deleted, and the next build begins without it: ";
const againWithout = " !     The build cache is deleted, and this build begins again without it: ";
const linkOut = `The archive's entry "e" is a symbolic link to "../../etc", which leads out of the folder.`;
const tooMuch = "The archive unpacks to more than 8 MiB.";

test("a cache that the engine refuses to unpack is deleted", async () => {
  await using caches = await newCacheStore();
  await caches.put(zstdCompressSync(await packTar({ "cache/": "" })));
  const refuses = failing(new SlipwayError("engine-refused", "the volume is full"));
  expect(await caches.restore(refuses)).toBe(false);
  expect(caches.lines).toEqual([`${againWithout}the volume is full`]);
  expect(await caches.isKept()).toBe(false);
});

test("a cache is kept while the engine is unavailable", async () => {
  await using caches = await newCacheStore();
  await caches.put(zstdCompressSync(await packTar({ "cache/": "" })));
  const unavailable = new SlipwayError("engine-unavailable", "the engine does not respond");
  await expect(caches.restore(failing(unavailable))).rejects.toBe(unavailable);
  await caches.save(failing(unavailable));
  expect(caches.lines).toEqual([" !     The build cache was not saved: the platform failed to store it"]);
  expect(await caches.isKept()).toBe(true);
});

test("the cache is deleted after a build that left none", async () => {
  await using caches = await newCacheStore();
  await caches.put(zstdCompressSync(await packTar({ "cache/": "" })));
  await caches.save(failing(new SlipwayError("internal", "the cache is not read")), { isEmpty: true });
  expect(await caches.isKept()).toBe(false);
  expect(caches.lines).toEqual([]);
});

test("a sandbox opens with the entries of the cache, and without a cache with none", async () => {
  await using caches = await newCacheStore();
  const opened: (readonly string[] | null)[] = [];
  const open = async (cache: AsyncIterable<NewEntry> | null) => {
    opened.push(cache === null ? null : await pathsOf(cache));
    return unused;
  };
  expect(await caches.open(open)).toBe(unused);
  await caches.put(zstdCompressSync(await packTar({ "cache/": "", "cache/a": "x" })));
  expect(await caches.open(open)).toBe(unused);
  expect(opened).toEqual([null, ["work/cache/", "work/cache/a"]]);
  expect(caches.lines).toEqual(["restored"]);
});

test("a cache with which no sandbox opens is deleted once one opens without it", async () => {
  await using caches = await newCacheStore();
  await caches.put(
    zstdCompressSync(await packTar({ "cache/": "", "cache/e": { kind: "symlink", target: "../../etc" } })),
  );
  const open = async (cache: AsyncIterable<NewEntry> | null) => {
    if (cache !== null) await pathsOf(cache);
    return unused;
  };
  expect(await caches.open(open)).toBe(unused);
  expect(caches.lines).toEqual([`${againWithout}${linkOut}`]);
  expect(await caches.isKept()).toBe(false);
});

test.each(["engine-refused", "engine-unavailable"] as const)(
  "a cache is kept when no sandbox opens without it either: %s",
  async (code) => {
    await using caches = await newCacheStore();
    await caches.put(zstdCompressSync(await packTar({ "cache/": "" })));
    const refused = new SlipwayError(code, "the source is at fault");
    await expect(caches.open(() => Promise.reject(refused))).rejects.toBe(refused);
    expect(caches.lines).toEqual([]);
    expect(await caches.isKept()).toBe(true);
  },
);

describe.skipIf(await lacksEngine())("on an engine", () => {
  test("the next build has the files that a build left in its cache", async () => {
    await using caches = await newCacheStore();
    const fill = `cd /work/cache && mkdir a && echo kept >a/file && ln a/file same && ln -s a/file link &&
      ln -s /usr/bin/python3 python && chmod +x a/file`;
    await using first = await caches.build(fill);
    await caches.save(first.sandbox);
    const look =
      "cd /work/cache && cat link same && readlink link python && [ a/file -ef same ] && [ -x a/file ]";
    await using second = await caches.build(look, true);
    expect(second).toMatchObject({ restored: true, exitCode: 0 });
    expect(second.output).toBe("kept\nkept\na/file\n/usr/bin/python3\n");
    expect(caches.lines).toEqual([]);
  });

  test("a build without a stored cache begins with an empty one", async () => {
    await using caches = await newCacheStore();
    await using build = await caches.build("ls -A /work/cache", true);
    expect(build).toMatchObject({ restored: true, output: "" });
  });

  test.for([
    ["a sparse file larger than the limit", "truncate -s 12M /work/cache/x", tooMuch],
    ["a link out of the cache", "ln -s ../../etc /work/cache/e", linkOut],
    [
      "a named pipe",
      "mkfifo /work/cache/p",
      `The archive's entry "cache/p" is not a file, folder or link (FIFO).`,
    ],
    [
      "a cache that is too large when compressed",
      "dd if=/dev/urandom of=/work/cache/x bs=1M count=3",
      `larger than ${2 * mebibyte} bytes`,
    ],
  ])("the cache is deleted after a build that leaves %s", async ([, script, reason]) => {
    await using caches = await newCacheStore();
    await caches.put(zstdCompressSync(await packTar({ "cache/": "", "cache/old": "x" })));
    await using build = await caches.build(script ?? "");
    await caches.save(build.sandbox);
    expect(caches.lines).toEqual([`${nextWithout}${reason}`]);
    expect(await caches.isKept()).toBe(false);
  });

  test("a build can neither remove nor replace the folder of its cache", async () => {
    await using caches = await newCacheStore();
    const script = "rmdir /work/cache || mv /work/cache /work/other || echo refused; touch /work/cache/x";
    await using build = await caches.build(`(${script}) 2>/dev/null`);
    expect(build).toMatchObject({ exitCode: 0, output: "refused\n" });
    await caches.save(build.sandbox);
    expect(await caches.isKept()).toBe(true);
  });

  test.for<[string, () => Promise<Buffer> | Buffer, string]>([
    ["that is not a compressed tar", () => Buffer.from("no zstd at all"), "it is damaged"],
    ["that is cut off", async () => (await compressed({ "cache/": "" })).subarray(0, 20), "it is damaged"],
    [
      "with a link out of the cache",
      () => compressed({ "cache/": "", "cache/e": { kind: "symlink", target: "../../etc" } }),
      linkOut,
    ],
    [
      "that unpacks to too many bytes",
      () => compressed({ "cache/": "", "cache/x": Buffer.alloc(9 * mebibyte) }),
      tooMuch,
    ],
  ])("a cache %s is deleted instead of restored", async ([, bytes, reason]) => {
    await using caches = await newCacheStore();
    await caches.put(await bytes());
    await using build = await caches.build("true", true);
    expect(build.restored).toBe(false);
    expect(caches.lines).toEqual([`${againWithout}${reason}`]);
    expect(await caches.isKept()).toBe(false);
  });
});

async function compressed(entries: Parameters<typeof packTar>[0]): Promise<Buffer> {
  return zstdCompressSync(await packTar(entries));
}

async function pathsOf(entries: AsyncIterable<NewEntry>): Promise<readonly string[]> {
  const paths: string[] = [];
  for await (const { path } of readEntries(writeEntries(entries), {})) paths.push(path);
  return paths;
}

/** A sandbox that the test only passes on. */
const unused: Sandbox = {
  id: "unused",
  ...failing(new SlipwayError("internal", "the sandbox is not used")),
  run: () => Promise.reject(new Error("the sandbox is not used")),
  changes: () => Promise.reject(new Error("the sandbox is not used")),
  snapshot: () => Promise.reject(new Error("the sandbox is not used")),
  [Symbol.asyncDispose]: async () => {},
};

function failing(error: SlipwayError): Pick<Sandbox, "upload" | "download"> {
  const fail = async (): Promise<never> => {
    throw error;
  };
  return { upload: fail, download: fail };
}

/** A blob store that contains at most one cache, the cache of one app. */
async function newCacheStore() {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-cache-")));
  const onError = (error: unknown): never => {
    throw error;
  };
  const blobs = opened.use(await openBlobs({ url: `file:${folder.path}`, onError }));
  const lines: string[] = [];
  const context = {
    blobs,
    config: { stackBuildImage: "stack:1", build: { diskBytes }, limits: { cacheBytes: 2 * mebibyte } },
    logger: createLogger({ name: "worker", level: "silent" }),
  };
  const attempt = {
    lease: { deployment: { id: "a-deployment" } },
    app: { id: "an-app", cacheVersion: 1 },
    log: { line: (line: string) => void lines.push(line) },
    signal: never,
  };
  const owned = opened.move();
  return {
    lines,
    open: (open: Parameters<typeof openIncludingCache>[2]) =>
      openIncludingCache(context, attempt, open, { onRestored: () => void lines.push("restored") }),
    restore: (sandbox: Pick<Sandbox, "upload">) => restoreCache(context, attempt, sandbox),
    save: (sandbox: Pick<Sandbox, "download">, options = {}) => saveCache(context, attempt, sandbox, options),
    put: async (bytes: Buffer) => void (await blobs.put(key, Readable.from([bytes]))),
    isKept: async () => {
      const kept = await blobs.get(key);
      await kept?.bytes[Symbol.asyncDispose]();
      return kept !== null;
    },
    build: (script: string, restores = false) => runBuild(context, attempt, script, restores),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Runs a script in a sandbox, which exists until the result is disposed. */
async function runBuild(context: CacheContext, attempt: CacheAttempt, script: string, restores: boolean) {
  await using opened = new AsyncDisposableStack();
  const { dockerHost, stackImage } = await testEngine();
  const installation = opened.use(newInstallation());
  const engine = opened.use(openEngine({ installationId: installation.id, dockerHost }));
  const limits = { memoryBytes: 256 * mebibyte, cpus: 1, pids: 64, tmpfsBytes: 2 ** 24, diskBytes };
  const command = ["bash", "-c", script];
  const spec = { image: stackImage, command, environment: {}, labels: {}, limits };
  const sandbox = opened.use(await engine.createSandbox(spec, never));
  await sandbox.upload(
    "/work",
    Readable.from([await packTar({ "cache/": { uid: 2000, gid: 2000 } })]),
    never,
  );
  const restored = restores && (await restoreCache(context, attempt, sandbox));
  let output = "";
  const { exitCode } = await sandbox.run({
    onOutput: (bytes) => void (output += Buffer.from(bytes).toString("utf8")),
    signal: never,
  });
  const owned = opened.move();
  return { sandbox, restored, exitCode, output, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
