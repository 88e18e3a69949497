import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtempDisposable, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { refusal } from "@slipway/testkit";
import { type TestEntry, streamOf, tarOf } from "../test-support/archives.ts";
import { limits, refusalOf, refusalOfBytes, unpacked } from "../test-support/sources.ts";
import { checkedEntries } from "./checked-entries.ts";
import { symlinkTarget } from "./entry-path.ts";
import { gunzip } from "./gunzip.ts";

const { signal } = new AbortController();

describe("a file that is not a gzipped tar is rejected with its format", () => {
  test.each([
    ["empty", ""],
    ["a zip file", "PK\u0003\u0004rest"],
    ["an HTML page", "<!DOCTYPE html><html>"],
    ["a JSON document", '{"message":"Not Found"}'],
    ["a text file", "404: Not Found"],
    ["a file of an unknown format", "\u0001\u0002\u0003"],
  ])("%s is rejected as a source with its format", async (what, bytes) => {
    expect(await refusalOfBytes(Buffer.from(bytes))).toBe(
      `archive-invalid: The source must be a gzipped tar archive, but it is ${what}.`,
    );
  });

  test("a tar archive that is not compressed is rejected", async () => {
    expect(await refusalOfBytes(tarOf([{ path: "a/b" }]))).toContain("a tar archive that is not compressed");
  });

  test("a gzip file of other content, of a gzip file, or of nothing is rejected", async () => {
    expect(await refusalOfBytes(gzipSync("hello ".repeat(200)))).toContain("its content is a text file");
    expect(await refusalOfBytes(gzipSync(gzipSync(randomBytes(2000))))).toContain(
      "its content is a gzip file",
    );
    expect(await refusalOfBytes(gzipSync(""))).toContain("The archive is empty");
  });

  test("a truncated or damaged archive is rejected", async () => {
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
    ["only a file", [{ path: "Procfile" }], '"Procfile" at its root is not a folder'],
    ["only a file in `./`", [{ path: "./", type: "5" }, { path: "./a" }], '"a" at its root is not a folder'],
    ["a file beside its folder", [{ path: "app/a" }, { path: "b" }], '"b" at its root is not a folder'],
    ["a second folder", [{ path: "app/a" }, { path: "lib/b" }], 'but it has "app" and "lib"'],
    [
      "a link in place of a folder",
      [{ path: "app", type: "2", linkpath: "/" }],
      '"app" at its root is not a folder',
    ],
    ["nothing but `./`", [{ path: "./", type: "5" }], "The archive is empty"],
  ])("an archive with %s at its root is rejected", async (_what, entries, message) => {
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
      [{ path: "app/x", pax: { path: `app/${"x/".repeat(100)}x` } }],
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
  ])("a hostile entry is rejected: %s", async (_what, entries, message) => {
    const changes = { limits: { ...limits, maxUnpackedBytes: 10_000_000 } };
    const answer = await refusalOf(entries, changes);
    expect(answer).toContain(message);
    expect(answer).toContain("archive-invalid");
  });

  test("control characters of a hostile name are escaped in the message", async () => {
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
    expect(await refusalOfBytes(stdout)).toBe(
      "archive-invalid: The tar archive contains a sparse file. Create the archive without the option --sparse (-S).",
    );
  }
});

describe("limits apply", () => {
  test("the unpacked size is limited, before the content is read", async () => {
    const entry = { path: "app/bomb", sizeBytes: 2 ** 40 };
    expect(await refusalOf([entry])).toBe("archive-too-large: The archive unpacks to more than 1 MiB.");
  });

  test("data after the end of the tar is limited", async () => {
    const bomb = gzipSync(Buffer.concat([tarOf([{ path: "app/a" }]), Buffer.alloc(2_000_000)]));
    expect(await refusalOfBytes(bomb)).toContain("archive-too-large");
  });

  test("the number of entries is limited", async () => {
    const entries = Array.from({ length: 1001 }, (_, index) => ({ path: `app/${index}` }));
    expect(await refusalOf(entries)).toContain("contains more than 1000 files and folders");
  });

  test("the number of folders without an entry of their own is limited", async () => {
    const entries = Array.from({ length: 11 }, (_, index) => ({
      path: "app/x",
      pax: { path: `app/${index}/${"d/".repeat(90)}x` },
    }));
    expect(await refusalOf(entries)).toContain("contains more than 1000 files and folders");
    expect(await unpacked(entries.slice(0, 10))).toHaveLength(1 + 10 * 92);
  });

  test("the work for folders without an entry of their own grows with the archive, not with its depth", async () => {
    const deep = (count: number) =>
      Array.from({ length: count }, (_, index) => ({
        path: "app/x",
        pax: { path: `app/${index}/${"d/".repeat(90)}x` },
      }));
    const roomy = { maxUnpackedBytes: 2 ** 30, maxEntries: 200_000 };
    const archive = gzipSync(tarOf(deep(800)));
    expect(archive.length).toBeLessThan(20_000);
    let emitted = 0;
    const reading = (async () => {
      for await (const _ of checkedEntries(gunzip(streamOf(archive), signal), roomy, symlinkTarget))
        emitted += 1;
    })();
    expect(await refusal(reading)).toBe(
      "archive-invalid: The first 13 entries of the archive name more than 1130 folders that have no entries of their own. Create it with `tar -czf app.tar.gz FOLDER`.",
    );
    expect(emitted).toBeLessThan(1_200);
    expect(await unpacked(deep(10), { limits: roomy })).toHaveLength(1 + 10 * 92);
  });

  test("the size of headers of entries without content is limited", async () => {
    const entries = Array.from({ length: 900 }, (_, index) => ({ path: `app/${index}` }));
    const changes = { limits: { ...limits, maxUnpackedBytes: 400 * 1024 } };
    expect(await refusalOf(entries, changes)).toContain(
      "archive-too-large: The archive unpacks to more than",
    );
  });
});
