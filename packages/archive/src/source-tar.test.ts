import { execFile, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtempDisposable, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { SlipwayError } from "@slipway/core";
import { describe, expect, test } from "vitest";
import { type ExtraEntry, type SourceTarOptions, sourceTar } from "./source-tar.ts";
import { type TestEntry, archiveOf, streamOf, tarEntry, tarOf, unpack } from "../test-support/archives.ts";
import { drain, refusal } from "@slipway/testkit";

const limits = { maxUnpackedBytes: 1024 ** 2, maxEntries: 1000 };

function options(changes: Partial<SourceTarOptions> = {}): SourceTarOptions {
  return { prefix: "build/", limits, signal: new AbortController().signal, ...changes };
}

function unpacked(entries: readonly TestEntry[], changes: Partial<SourceTarOptions> = {}) {
  return unpack(sourceTar(archiveOf(entries), options(changes)).tar);
}

function refusalOf(entries: readonly TestEntry[], changes: Partial<SourceTarOptions> = {}) {
  return refusal(unpacked(entries, changes));
}

function refusalOfBytes(bytes: Uint8Array) {
  return refusal(drain(sourceTar(streamOf(bytes), options()).tar));
}

describe("a valid archive", () => {
  test("is placed below the prefix and owned by the build's user, with its times and execute bits", async () => {
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

  test("may be like GitHub's, with a global header first and no entries for folders", async () => {
    const comment = Buffer.from("52 comment=0123456789012345678901234567890123456789\n");
    const archive = gzipSync(
      Buffer.concat([
        tarEntry({ path: "pax_global_header", type: "g", content: comment }),
        tarOf([{ path: "repo-0123456/src/main.js", content: "1" }]),
      ]),
    );
    const entries = await unpack(sourceTar(streamOf(archive), options()).tar);
    expect(entries.map(({ name }) => name)).toEqual(["build/", "build/src/", "build/src/main.js"]);
  });

  test("may have names with `./` and macOS metadata beside its folder", async () => {
    const entries = await unpacked([
      { path: "./", type: "5" },
      { path: "./._app", content: "x" },
      { path: "./app/", type: "5" },
      { path: "./app/a", content: "x" },
    ]);
    expect(entries.map(({ name }) => name)).toEqual(["build/", "build/a"]);
  });

  test.each([1, 7, 512, 65536])(
    "may arrive in chunks of %i bytes and have long non-ASCII names",
    async (chunkBytes) => {
      const path = `app/${"日本語の長い名前".repeat(10)}/${"ф".repeat(120)}`;
      const gnuLongName = tarEntry({ path: "././@LongLink", type: "L", content: `${path}.gnu\0` });
      const tar = Buffer.concat([
        tarEntry({ path: "short", pax: { path: `${path}.pax` }, content: "pax" }),
        gnuLongName,
        tarOf([{ path: "app/cut-off", content: "gnu" }]),
      ]);
      const entries = await unpack(sourceTar(streamOf(gzipSync(tar), chunkBytes), options()).tar);
      const files = entries.filter(({ type }) => type === "File").map(({ name, content }) => [name, content]);
      expect(files).toEqual([
        [`${path.replace("app", "build")}.pax`, "pax"],
        [`${path.replace("app", "build")}.gnu`, "gnu"],
      ]);
    },
  );

  test("may have links: inner ones are kept, hard links rewritten, and links that leave the app resolved from /app", async () => {
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

  test("may have garbage after its end", async () => {
    const archive = Buffer.concat([
      gzipSync(Buffer.concat([tarOf([{ path: "a/b" }]), randomBytes(700)])),
      randomBytes(99),
    ]);
    archive[archive.length - 99] = 0;
    expect(await unpack(sourceTar(streamOf(archive), options()).tar)).toHaveLength(2);
  });
});

describe("the summary", () => {
  test("contains the counts and the captured files", async () => {
    const entries = [
      { path: "app/Procfile", content: "web: old" },
      { path: "app/package.json", content: "x".repeat(65 * 1024) },
      { path: "app/sub/Procfile", content: "no" },
      { path: "app/.slugignore", type: "2", linkpath: "x" },
      { path: "app/Procfile", content: "web: new" },
    ];
    const capture = ["Procfile", "package.json", ".slugignore", ".buildpacks"];
    const { tar, summary } = sourceTar(archiveOf(entries), options({ capture }));
    await drain(tar);
    expect(await summary).toEqual({
      entryCount: 7,
      sizeBytes: 16 + 2 + 65 * 1024,
      captured: new Map([["Procfile", Buffer.from("web: new")]]),
      oversized: ["package.json"],
    });
  });

  test("resolves before the iteration of the extra entries", async () => {
    async function* extra(): AsyncGenerator<ExtraEntry> {
      const { captured } = await summary;
      yield { kind: "directory", name: "cache", mode: 0o755 };
      yield {
        kind: "file",
        name: "env/NAME",
        mode: 0o600,
        content: captured.get("Procfile") ?? Buffer.alloc(0),
      };
    }
    const archive = archiveOf([{ path: "app/Procfile", content: "web: x" }]);
    const { tar, summary } = sourceTar(archive, options({ capture: ["Procfile"], extra: extra() }));
    const entries = await unpack(tar);
    expect(entries.map(({ name, content }) => [name, content])).toEqual([
      ["build/", ""],
      ["build/Procfile", "web: x"],
      ["cache/", ""],
      ["env/", ""],
      ["env/NAME", "web: x"],
    ]);
  });

  test("rejects with the tar's error, and when the tar is not read to its end", async () => {
    const broken = sourceTar(archiveOf([{ path: "file" }]), options());
    await refusal(drain(broken.tar));
    expect(await refusal(broken.summary)).toContain("archive-invalid");
    const left = sourceTar(archiveOf([{ path: "app/a", content: randomBytes(200_000) }]), options());
    for await (const _ of left.tar) break;
    expect(await refusal(left.summary)).toContain("aborted");
  });
});

describe("a file that is not a gzipped tar is rejected with its format", () => {
  test.each([
    ["empty", ""],
    ["a zip file", "PK\u0003\u0004rest"],
    ["an HTML page", "<!DOCTYPE html><html>"],
    ["a JSON document", '{"message":"Not Found"}'],
    ["a text file", "404: Not Found"],
    ["a file of an unknown format", "\u0001\u0002\u0003"],
  ])("%s", async (what, bytes) => {
    expect(await refusalOfBytes(Buffer.from(bytes))).toBe(
      `archive-invalid: The source must be a gzipped tar archive, but it is ${what}.`,
    );
  });

  test("a tar archive that is not compressed", async () => {
    expect(await refusalOfBytes(tarOf([{ path: "a/b" }]))).toContain("a tar archive that is not compressed");
  });

  test("a gzip file of other content, of a gzip file, or of nothing", async () => {
    expect(await refusalOfBytes(gzipSync("hello ".repeat(200)))).toContain("its content is a text file");
    expect(await refusalOfBytes(gzipSync(gzipSync(randomBytes(2000))))).toContain(
      "its content is a gzip file",
    );
    expect(await refusalOfBytes(gzipSync(""))).toContain("The archive is empty");
  });

  test("a truncated or damaged archive", async () => {
    const whole = gzipSync(
      tarOf([
        { path: "app/a", content: randomBytes(3000) },
        { path: "app/b", content: "b" },
      ]),
    );
    for (let sizeBytes = 1; sizeBytes < whole.length; sizeBytes += 97) {
      expect(await refusalOfBytes(whole.subarray(0, sizeBytes))).toContain("archive-invalid");
    }
    const tar = tarOf([
      { path: "app/a", content: randomBytes(3000) },
      { path: "app/b", content: "b" },
    ]);
    expect(await refusalOfBytes(gzipSync(tar.subarray(0, 2000)))).toContain("it is truncated");
    expect(await refusalOfBytes(gzipSync(tar.subarray(0, 3700)))).toContain("it is truncated");
    const damaged = Buffer.from(whole);
    damaged[1500] = (damaged[1500] ?? 0) ^ 0xff;
    expect(await refusalOfBytes(damaged)).toBe("archive-invalid: The archive is damaged or incomplete.");
  });
});

describe("an archive without exactly one folder at its root is rejected", () => {
  test.each<[string, TestEntry[], string]>([
    ["a file", [{ path: "Procfile" }], '"Procfile" at its root is not a folder'],
    ["a file in `./`", [{ path: "./", type: "5" }, { path: "./a" }], '"a" at its root is not a folder'],
    ["a file beside it", [{ path: "app/a" }, { path: "b" }], '"b" at its root is not a folder'],
    ["a second folder", [{ path: "app/a" }, { path: "lib/b" }], 'but it has "app" and "lib"'],
    ["a link in its place", [{ path: "app", type: "2", linkpath: "/" }], '"app" at its root is not a folder'],
    ["nothing but `./`", [{ path: "./", type: "5" }], "The archive is empty"],
  ])("%s", async (_what, entries, message) => {
    expect(await refusalOf(entries)).toContain(message);
  });
});

describe("hostile entries are rejected", () => {
  test.each<[string, TestEntry[], string]>([
    ["absolute name", [{ path: "/etc/passwd" }], "has an absolute name"],
    ["climbing name", [{ path: "app/../../x" }], 'has ".." in its name'],
    ["climbing name by pax", [{ path: "app/x", pax: { path: "app/../x" } }], 'has ".." in its name'],
    ["climbing with backslashes", [{ path: "app/..\\..\\x" }], 'has ".." in its name'],
    [
      "long part",
      [{ path: "app/x", pax: { path: `app/${"x".repeat(256)}` } }],
      "has a name that is too long",
    ],
    [
      "long name",
      [{ path: "app/x", pax: { path: `app/${"x/".repeat(2000)}x` } }],
      "has a name that is too long",
    ],
    [
      "deep name",
      [{ path: "app/x", pax: { path: `app/${"x/".repeat(300)}x` } }],
      "has a name that is too long",
    ],
    ["device", [{ path: "app/null", type: "3" }], "is not a file, folder or link (CharacterDevice)"],
    ["fifo", [{ path: "app/pipe", type: "6" }], "is not a file, folder or link (FIFO)"],
    ["unknown kind", [{ path: "app/x", type: "Z" }], "is not a file, folder or link (Unsupported)"],
    [
      "written through a link",
      [
        { path: "app/out", type: "2", linkpath: "/etc" },
        { path: "app/out/passwd", content: "x" },
      ],
      '"out/passwd" is below a symlink',
    ],
    [
      "a folder over a link",
      [
        { path: "app/out", type: "2", linkpath: "/etc" },
        { path: "app/out/", type: "5" },
      ],
      '"out" is a directory, but a symlink has the same name',
    ],
    [
      "a link over a folder",
      [{ path: "app/out/x" }, { path: "app/out", type: "2", linkpath: "/etc" }],
      '"out" is a symlink, but a directory has the same name',
    ],
    ["below a file", [{ path: "app/a" }, { path: "app/a/b" }], '"a/b" is below a file'],
    ["hard link out", [{ path: "app/a", type: "1", linkpath: "/etc/shadow" }], "absolute name"],
    [
      "hard link to nothing",
      [{ path: "app/a", type: "1", linkpath: "app/b" }],
      "which is not an earlier file",
    ],
    [
      "hard link to itself",
      [{ path: "app/a" }, { path: "app/a", type: "1", linkpath: "app/a" }],
      "not an earlier file",
    ],
    [
      "hard link to a link",
      [
        { path: "app/l", type: "2", linkpath: "/etc/shadow" },
        { path: "app/a", type: "1", linkpath: "app/l" },
      ],
      "which is not an earlier file",
    ],
    [
      "link with content",
      [{ path: "app/l", type: "2", linkpath: "x", content: "y" }],
      "is a symlink with content",
    ],
    [
      "endless headers",
      Array.from({ length: 9 }, () => ({ path: "x", type: "x" })),
      "too many extended headers",
    ],
    ["huge header", [{ path: "x", type: "L", sizeBytes: 2 ** 21 }], "an extended header is too large"],
    ["size that lies", [{ path: "app/a", content: "x", sizeBytes: 5000 }], "it is truncated"],
  ])("%s", async (_what, entries, message) => {
    const changes = { limits: { ...limits, maxUnpackedBytes: 10_000_000 } };
    const answer = await refusalOf(entries, changes);
    expect(answer).toContain(message);
    expect(answer).toContain("archive-invalid");
  });

  test("control characters of a name are escaped in the message", async () => {
    expect(await refusalOf([{ path: "app/\u001b[31m\n", type: "6" }])).toContain(String.raw`\u001b[31m\n`);
  });
});

test("sparse files made by tar are rejected with what to do", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-sparse-"));
  await mkdir(join(folder.path, "app"));
  await using file = await open(join(folder.path, "app/data"), "w");
  await file.write("end", 1024 * 1024);
  for (const format of ["pax", "gnu"]) {
    const args = ["-C", folder.path, "-S", `--format=${format}`, "-czf", "-", "app"];
    const { stdout } = await promisify(execFile)("tar", args, { encoding: "buffer" });
    expect(await refusalOfBytes(stdout)).toMatch(
      format === "pax"
        ? "contains a sparse file. Create the archive without"
        : "is not a file, folder or link",
    );
  }
});

describe("limits apply", () => {
  test("to the unpacked size, before the content is read", async () => {
    const entry = { path: "app/bomb", sizeBytes: 2 ** 40 };
    expect(await refusalOf([entry])).toBe("archive-too-large: The archive unpacks to more than 1 MiB.");
  });

  test("to data after the end of the tar", async () => {
    const bomb = gzipSync(Buffer.concat([tarOf([{ path: "app/a" }]), Buffer.alloc(2_000_000)]));
    expect(await refusalOfBytes(bomb)).toContain("archive-too-large");
  });

  test("to the number of entries", async () => {
    const entries = Array.from({ length: 1001 }, (_, index) => ({ path: `app/${index}` }));
    expect(await refusalOf(entries)).toContain("contains more than 1000 files and folders");
  });

  test("to the number of folders without an entry of their own", async () => {
    const entries = Array.from({ length: 5 }, (_, index) => ({
      path: "app/x",
      pax: { path: `app/${index}/${"d/".repeat(220)}x` },
    }));
    expect(await refusalOf(entries)).toContain("contains more than 1000 files and folders");
    expect(await unpacked(entries.slice(0, 4))).toHaveLength(1 + 4 * 222);
  });

  test("to the headers of entries without content", async () => {
    const entries = Array.from({ length: 900 }, (_, index) => ({ path: `app/${index}` }));
    const changes = { limits: { ...limits, maxUnpackedBytes: 400 * 1024 } };
    expect(await refusalOf(entries, changes)).toContain(
      "archive-too-large: The archive unpacks to more than",
    );
  });
});

describe("the archive's stream", () => {
  test("rejects the tar with its own error, unchanged", async () => {
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
    const later = sourceTar(failingLater(), options());
    await expect(drain(later.tar)).rejects.toBe(failure);
    await expect(later.summary).rejects.toBe(failure);
    await expect(drain(sourceTar(failing(), options()).tar)).rejects.toBeInstanceOf(SlipwayError);
  });

  test("is read only as far as the tar, and closed when the tar is not read to its end", async () => {
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
    for await (const _ of sourceTar(counted(), options({ limits: big })).tar) break;
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
    const { tar } = sourceTar(hanging(), options({ signal: controller.signal }));
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
    const { tar } = sourceTar(late(), options({ signal: controller.signal }));
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
    for await (const chunk of result.tar) sizeBytes += chunk.length;
    const { entryCount } = await result.summary;
    console.log(JSON.stringify({ sizeBytes, entryCount, peakKb: process.resourceUsage().maxRSS }));
  `;
  const run = spawnSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" });
  expect(run.stderr).toBe("");
  const { sizeBytes, entryCount, peakKb } = JSON.parse(run.stdout) as Record<string, number>;
  expect(entryCount).toBe(401);
  expect(sizeBytes).toBeGreaterThan(400 * 1024 * 1024);
  expect(peakKb).toBeLessThan(250 * 1024);
}, 60_000);
