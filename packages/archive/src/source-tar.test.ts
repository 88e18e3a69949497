import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type ByteStream, SlipwayError } from "@slipway/core";
import { drain } from "@slipway/testkit";
import { describe, expect, test } from "vitest";
import { archiveOf, streamOf, tarEntry, tarOf, unpack } from "../test-support/archives.ts";
import { limits, options, unpacked } from "../test-support/sources.ts";
import { type ExtraEntry, entriesTar, sourceTar } from "./source-tar.ts";

describe("a valid archive", () => {
  test("a valid archive is placed below the prefix and owned by the build's user, with its times and execute bits", async () => {
    const entries = await unpacked([
      { path: "app-1.0/", type: "5", mode: 0o775 },
      { path: "app-1.0/Procfile", content: "web: node server.js\n" },
      { path: "app-1.0/bin/run", content: "#!/bin/sh\n", mode: 0o4755 },
      { path: "app-1.0/readonly", content: "x", mode: 0o444 },
    ]);
    expect(entries.map(({ name, type, mode, uid }) => [name, type, mode.toString(8), uid])).toEqual([
      ["build/", "Directory", "775", 2000],
      ["build/Procfile", "File", "644", 2000],
      ["build/bin/", "Directory", "755", 2000],
      ["build/bin/run", "File", "755", 2000],
      ["build/readonly", "File", "644", 2000],
    ]);
    expect(entries[1]?.content).toBe("web: node server.js\n");
    expect(entries[1]?.mtime).toEqual(new Date("2024-05-06T07:08:09Z"));
  });

  test("an archive like GitHub's is accepted, with a global header first and no entries for folders", async () => {
    const comment = Buffer.from("52 comment=0123456789012345678901234567890123456789\n");
    const archive = gzipSync(
      Buffer.concat([
        tarEntry({ path: "pax_global_header", type: "g", content: comment }),
        tarOf([{ path: "repo-0123456/src/main.js", content: "1" }]),
      ]),
    );
    const entries = await unpack(sourceTar(streamOf(archive), options()));
    expect(entries.map(({ name }) => name)).toEqual(["build/", "build/src/", "build/src/main.js"]);
  });

  test("a folder of the archive takes the place of the whole", async () => {
    const archive = archiveOf([
      { path: "app/web/bin/run", content: "1" },
      { path: "app/webs/a", content: "2" },
      { path: "app/b", content: "3" },
    ]);
    const entries = await unpack(sourceTar(archive, options({ folder: "web" })));
    expect(entries.map(({ name }) => name)).toEqual(["build/", "build/bin/", "build/bin/run"]);
  });

  test("hard links in a folder of the archive lead to its files", async () => {
    const entries = [
      { path: "app/a", content: "0" },
      { path: "app/web/a", content: "1" },
      { path: "app/web/b", type: "1", linkpath: "app/web/a" },
    ];
    const found = await unpack(sourceTar(archiveOf(entries), options({ folder: "web" })));
    expect(found.find(({ name }) => name === "build/b")).toMatchObject({ type: "Link", linkname: "build/a" });
    const outside = [...entries, { path: "app/web/c", type: "1", linkpath: "app/a" }];
    const tar = unpack(sourceTar(archiveOf(outside), options({ folder: "web" })));
    await expect(tar).rejects.toThrow('is a hard link to "a", which is outside of web');
  });

  test("names with `./` and macOS metadata beside the folder are accepted", async () => {
    const entries = await unpacked([
      { path: "./", type: "5" },
      { path: "./._app", content: "x" },
      { path: "./app/", type: "5" },
      { path: "./app/a", content: "x" },
    ]);
    expect(entries.map(({ name }) => name)).toEqual(["build/", "build/a"]);
  });

  test.each([1, 7, 512, 65536])(
    "an archive with long non-ASCII names may arrive in chunks of %i bytes",
    async (chunkBytes) => {
      const path = `app/${"日本語の長い名前".repeat(10)}/${"ф".repeat(120)}`;
      const gnuLongName = tarEntry({ path: "././@LongLink", type: "L", content: `${path}.gnu\0` });
      const tar = Buffer.concat([
        tarEntry({ path: "short", pax: { path: `${path}.pax` }, content: "pax" }),
        gnuLongName,
        tarOf([{ path: "app/cut-off", content: "gnu" }]),
      ]);
      const entries = await unpack(sourceTar(streamOf(gzipSync(tar), chunkBytes), options()));
      const files = entries.filter(({ type }) => type === "File").map(({ name, content }) => [name, content]);
      expect(files).toEqual([
        [`${path.replace("app", "build")}.pax`, "pax"],
        [`${path.replace("app", "build")}.gnu`, "gnu"],
      ]);
    },
  );

  test("inner links are kept, hard links are rewritten, and links that leave the app are resolved from /app", async () => {
    const entries = await unpacked([
      { path: "app/dir/file", content: "x" },
      { path: "app/dir/relative", type: "2", linkpath: "../other" },
      { path: "app/absolute", type: "2", linkpath: "/etc/hosts" },
      { path: "app/dir/climbing", type: "2", linkpath: "../../shared/x" },
      { path: "app/hard", type: "1", linkpath: "app/dir/file" },
    ]);
    expect(Object.fromEntries(entries.map(({ name, linkname }) => [name, linkname]))).toMatchObject({
      "build/dir/relative": "../other",
      "build/absolute": "/etc/hosts",
      "build/dir/climbing": "/shared/x",
      "build/hard": "build/dir/file",
    });
  });

  test("garbage after the end of an archive is ignored", async () => {
    const archive = Buffer.concat([
      gzipSync(Buffer.concat([tarOf([{ path: "a/b" }]), randomBytes(700)])),
      randomBytes(99),
    ]);
    archive[archive.length - 99] = 0;
    expect(await unpack(sourceTar(streamOf(archive), options()))).toHaveLength(2);
  });
});

test("extra entries follow the source, below the root of the tar, with their missing folders", async () => {
  async function* extra(): AsyncGenerator<ExtraEntry> {
    yield { kind: "directory", name: "cache", mode: 0o755 };
    yield { kind: "file", name: "env/NAME", mode: 0o600, content: Buffer.from("value") };
  }
  const archive = archiveOf([{ path: "app/Procfile", content: "web: x" }]);
  const expected = [
    ["cache/", ""],
    ["env/", ""],
    ["env/NAME", "value"],
  ];
  const contents = async (tar: ByteStream) => (await unpack(tar)).map(({ name, content }) => [name, content]);
  expect(await contents(sourceTar(archive, options({ extra: extra() })))).toEqual([
    ["build/", ""],
    ["build/Procfile", "web: x"],
    ...expected,
  ]);
  expect(await contents(entriesTar(extra(), options().signal))).toEqual(expected);
});

describe("the archive's stream", () => {
  test("an error of the archive's stream fails the tar, unchanged", async () => {
    const failure = new SlipwayError("store-unavailable", "the disk is gone");
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield gzipSync(randomBytes(10_000)).subarray(0, 5000);
      throw failure;
    }
    const tar = gzipSync(tarOf([{ path: "app/a", content: randomBytes(50_000) }]));
    async function* failingLater(): AsyncGenerator<Uint8Array> {
      yield tar.subarray(0, 20_000);
      throw failure;
    }
    await expect(drain(sourceTar(failingLater(), options()))).rejects.toBe(failure);
    await expect(drain(sourceTar(failing(), options()))).rejects.toBeInstanceOf(SlipwayError);
  });

  test("the archive is read only as far as the tar, and closed when the tar is not read to its end", async () => {
    let readBytes = 0;
    let isClosed = false;
    const archive = gzipSync(tarOf([{ path: "app/a", content: randomBytes(4_000_000) }]));
    async function* counted(): AsyncGenerator<Uint8Array> {
      try {
        for await (const chunk of streamOf(archive, 16 * 1024)) {
          readBytes += chunk.length;
          yield chunk;
        }
      } finally {
        isClosed = true;
      }
    }
    const big = { ...limits, maxUnpackedBytes: 10_000_000 };
    for await (const _ of sourceTar(counted(), options({ limits: big }))) break;
    expect(readBytes).toBeLessThan(1_000_000);
    await expect.poll(() => isClosed).toBe(true);
  });

  test("an abort fails the tar with its reason, even while the stream hangs", async () => {
    const controller = new AbortController();
    const reason = new SlipwayError("aborted", "enough");
    const bytes = gzipSync(tarOf([{ path: "app/a", content: randomBytes(50_000) }]));
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield bytes.subarray(0, 20_000);
      setImmediate(() => controller.abort(reason));
      await new Promise<never>(() => undefined);
    }
    const tar = sourceTar(hanging(), options({ signal: controller.signal }));
    await expect(drain(tar)).rejects.toBe(reason);
  });

  test("an abort before the first bytes fails the tar with its reason, without an unhandled error", async () => {
    const controller = new AbortController();
    const reason = new SlipwayError("aborted", "enough");
    const bytes = gzipSync(tarOf([{ path: "app/a", content: "a" }]));
    let closed = false;
    async function* late(): AsyncGenerator<Uint8Array> {
      try {
        controller.abort(reason);
        yield bytes;
      } finally {
        closed = true;
      }
    }
    const tar = sourceTar(late(), options({ signal: controller.signal }));
    await expect(drain(tar)).rejects.toBe(reason);
    expect(closed).toBe(true);
  });
});

test("memory does not grow with the archive", () => {
  const program = `
    import { createGzip } from "node:zlib";
    import { Readable } from "node:stream";
    import { randomFillSync } from "node:crypto";
    import { sourceTar } from ${JSON.stringify(new URL("source-tar.ts", import.meta.url).href)};
    import { encodeHeader } from ${JSON.stringify(import.meta.resolve("@slipway/tar"))};
    const mebibyte = randomFillSync(Buffer.alloc(1024 * 1024));
    async function* tar() {
      for (let index = 0; index < 400; index += 1) {
        yield encodeHeader({ kind: "file", path: "app/" + index, mode: 0o644, mtime: new Date(0), sizeBytes: mebibyte.length, uid: 0, gid: 0 });
        yield mebibyte;
      }
      yield Buffer.alloc(1024);
    }
    const archive = Readable.from(tar()).pipe(createGzip({ level: 0 }));
    const limits = { maxUnpackedBytes: 1e9, maxEntries: 1000 };
    const result = sourceTar(archive, { prefix: "build", limits, signal: new AbortController().signal });
    let sizeBytes = 0;
    for await (const chunk of result) sizeBytes += chunk.length;
    console.log(JSON.stringify({ sizeBytes, peakKb: process.resourceUsage().maxRSS }));
  `;
  const run = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" });
  expect(run.stderr).toBe("");
  const { sizeBytes, peakKb } = JSON.parse(run.stdout) as Record<string, number>;
  expect(sizeBytes).toBeGreaterThan(400 * 1024 * 1024);
  expect(peakKb).toBeLessThan(250 * 1024);
}, 60_000);
