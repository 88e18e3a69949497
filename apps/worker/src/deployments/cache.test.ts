// Build caches that cannot be kept or used, on a real blob store and a real engine; a sandbox is scripted for an engine's faults only.

import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { Readable } from "node:stream";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { cacheBlobKey, SlipwayError } from "@slipway/core";
import type { BlobStore, Sandbox } from "@slipway/core";
import { openEngine } from "@slipway/engine";
import { openBlobs } from "@slipway/store";
import { lacksEngine, newInstallation, packTar, testEngine } from "@slipway/testkit";
import type { Attempt } from "./attempt.ts";
import { restoreCache, saveCache } from "./cache.ts";

const mebibyte = 1024 ** 2;
const key = cacheBlobKey("an-app", 1, "stack:1");
const never = new AbortController().signal;
const diskBytes = 16 * mebibyte;
const nextWithout = " !     The build cache is deleted, and the next build begins without it: ";
const againWithout = " !     The build cache is deleted, and this build begins again without it: ";
const linkOut = `The archive's entry "e" is a symbolic link to "../../etc", which leads out of the folder.`;
const tooMuch = "The archive unpacks to more than 8 MiB.";

test("one that an engine does not unpack is deleted", async () => {
  await using place = await newPlace();
  await place.put(zstdCompressSync(await packTar({ "cache/": "" })));
  const refuses = failing(new SlipwayError("engine-refused", "no place for it"));
  expect(await restoreCache(place.attempt, refuses)).toBe(false);
  expect(place.lines).toEqual([`${againWithout}no place for it`]);
  expect(await place.isKept()).toBe(false);
});

test("one is kept when the engine is away", async () => {
  await using place = await newPlace();
  await place.put(zstdCompressSync(await packTar({ "cache/": "" })));
  const away = new SlipwayError("engine-unavailable", "the engine is away");
  await expect(restoreCache(place.attempt, failing(away))).rejects.toBe(away);
  await saveCache(place.attempt, failing(away));
  expect(place.lines).toEqual([" !     The build cache was not saved: the platform failed to store it"]);
  expect(await place.isKept()).toBe(true);
});

describe.skipIf(await lacksEngine())("on an engine", () => {
  test("what a build keeps is there in the next one", async () => {
    await using place = await newPlace();
    const fill = `cd /work/cache && mkdir a && echo kept >a/file && ln a/file same && ln -s a/file link &&
      ln -s /usr/bin/python3 python && chmod +x a/file`;
    await using first = await place.build(fill);
    await saveCache(place.attempt, first.sandbox);
    const look =
      "cd /work/cache && cat link same && readlink link python && [ a/file -ef same ] && [ -x a/file ]";
    await using second = await place.build(look, true);
    expect(second).toMatchObject({ restored: true, exitCode: 0 });
    expect(second.output).toBe("kept\nkept\na/file\n/usr/bin/python3\n");
    expect(place.lines).toEqual([]);
  });

  test("without one a build begins with none", async () => {
    await using place = await newPlace();
    await using build = await place.build("ls -A /work/cache", true);
    expect(build).toMatchObject({ restored: true, output: "" });
  });

  test.for([
    ["a file with holes", "truncate -s 12G /work/cache/x", tooMuch],
    ["a link out of it", "ln -s ../../etc /work/cache/e", linkOut],
    ["a pipe", "mkfifo /work/cache/p", `The archive's entry "cache/p" is not a file, folder or link (FIFO).`],
    [
      "a file in its place",
      "rmdir /work/cache; echo x >/work/cache",
      "the build must leave a directory at /work/cache, but left a regular file",
    ],
    ["nothing", "rmdir /work/cache", "the build must leave a directory at /work/cache, but left nothing"],
    [
      "more than fits when it is compressed",
      "dd if=/dev/urandom of=/work/cache/x bs=1M count=3",
      `larger than ${2 * mebibyte} bytes`,
    ],
  ])("a build that leaves %s has no cache any more", async ([, script, reason]) => {
    await using place = await newPlace();
    await place.put(zstdCompressSync(await packTar({ "cache/": "", "cache/old": "x" })));
    await using build = await place.build(script ?? "");
    await saveCache(place.attempt, build.sandbox);
    expect(place.lines).toEqual([`${nextWithout}${reason}`]);
    expect(await place.isKept()).toBe(false);
  });

  test.for<[string, () => Promise<Buffer> | Buffer, string]>([
    ["that is no cache", () => Buffer.from("no zstd at all"), "it is damaged"],
    ["that is cut off", async () => (await compressed({ "cache/": "" })).subarray(0, 20), "it is damaged"],
    [
      "with a link out of it",
      () => compressed({ "cache/": "", "cache/e": { kind: "symlink", target: "../../etc" } }),
      linkOut,
    ],
    [
      "with too many bytes",
      () => compressed({ "cache/": "", "cache/x": Buffer.alloc(9 * mebibyte) }),
      tooMuch,
    ],
  ])("one %s is deleted instead of restored", async ([, bytes, reason]) => {
    await using place = await newPlace();
    await place.put(await bytes());
    await using build = await place.build("true", true);
    expect(build.restored).toBe(false);
    expect(place.lines).toEqual([`${againWithout}${reason}`]);
    expect(await place.isKept()).toBe(false);
  });
});

async function compressed(entries: Parameters<typeof packTar>[0]): Promise<Buffer> {
  return zstdCompressSync(await packTar(entries));
}

function failing(error: SlipwayError): Sandbox {
  const fail = async (): Promise<never> => {
    throw error;
  };
  return { upload: fail, download: fail } as unknown as Sandbox;
}

/** A blob store and an installation for one app. */
async function newPlace() {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-cache-")));
  const onError = (error: unknown): never => {
    throw error;
  };
  const blobs = opened.use(await openBlobs({ url: `file:${folder.path}`, onError }));
  const lines: string[] = [];
  const attempt = attemptOn(blobs, lines);
  const owned = opened.move();
  return {
    attempt,
    lines,
    put: async (bytes: Buffer) => void (await blobs.put(key, Readable.from([bytes]))),
    isKept: async () => {
      const kept = await blobs.get(key);
      await kept?.bytes[Symbol.asyncDispose]();
      return kept !== null;
    },
    build: (script: string, restores = false) => runBuild(attempt, script, restores),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function attemptOn(blobs: BlobStore, lines: string[]): Attempt {
  const config = { stackImage: "stack:1", build: { diskBytes }, limits: { cacheBytes: 2 * mebibyte } };
  return {
    platform: { blobs, config, logger: { warn: () => undefined } },
    lease: { deployment: { id: "a-deployment" } },
    app: { id: "an-app", cacheVersion: 1 },
    log: { line: (line: string) => lines.push(line) },
    signal: never,
  } as unknown as Attempt;
}

/** Runs a script in a sandbox that is kept until it is disposed of. */
async function runBuild(attempt: Attempt, script: string, restores: boolean) {
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
  const restored = restores && (await restoreCache(attempt, sandbox));
  let output = "";
  const { exitCode } = await sandbox.run({
    onOutput: (bytes) => void (output += Buffer.from(bytes).toString("utf8")),
    signal: never,
  });
  const owned = opened.move();
  return { sandbox, restored, exitCode, output, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
