import { execFileSync } from "node:child_process";
import { readFile, mkdtempDisposable, readlink, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bytesOf, contentOf, directory, file, link, streamOf } from "../test-support/entries.ts";
import { readEntries } from "./read-entries.ts";
import { encodeHeader } from "./tar-header.ts";
import { writeEntries } from "./write-entries.ts";

const names = [
  "short",
  "d".repeat(100),
  `${"d".repeat(90)}/${"f".repeat(90)}`,
  "日本/語",
  "line\nfeed-é",
  "ü".repeat(90),
];

test("GNU tar extracts every kind of entry, with its mode, time and owner", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-tar-"));
  const mtime = new Date("2020-02-02T02:02:02Z");
  const entries = [
    { ...directory("app"), mode: 0o700 },
    ...names.map((name) => file(`app/${name}`, name, { mode: 0o755, mtime, uid: 2000, gid: 3000 })),
    ...names.map((name, index) => link("symlink", `app/symlink-${index}`, name)),
    ...names.map((name, index) => link("hardlink", `app/hardlink-${index}`, `app/${name}`)),
  ];
  const tar = await bytesOf(writeEntries(entries));
  execFileSync("tar", ["-C", folder.path, "--no-same-owner", "-xf", "-"], { input: tar });
  for (const [index, name] of names.entries()) {
    const path = join(folder.path, "app", name);
    const { mode, mtime: extracted } = await stat(path);
    expect([mode & 0o777, extracted]).toEqual([0o755, mtime]);
    expect(await readFile(join(folder.path, `app/hardlink-${index}`), "utf8")).toBe(name);
    expect(await readlink(join(folder.path, `app/symlink-${index}`))).toBe(name);
  }
  expect((await stat(join(folder.path, "app"))).mode & 0o777).toBe(0o700);
  expect(execFileSync("tar", ["--numeric-owner", "-tvf", "-"], { input: tar }).toString()).toContain(
    "2000/3000",
  );
});

test("a tar that is read and written again has the same bytes", async () => {
  const tar = await bytesOf(writeEntries([directory("a"), ...names.map((name) => file(name, name))]));
  const copied = writeEntries(
    (async function* () {
      for await (const entry of readEntries(streamOf(tar), {})) if (entry.kind !== "other") yield entry;
    })(),
  );
  expect((await bytesOf(copied)).equals(tar)).toBe(true);
});

test.each([
  ["fits the fields", 231, 0],
  ["is longer", 257, 1],
  ["is as long as can be", 3_500, 1],
])("a name that %s is stated by pax only where it must be", (_what, length, paxHeaders) => {
  const name = `${"p".repeat(length - 101)}/${"d".repeat(100)}`;
  const header = encodeHeader(file(name));
  const paxBlocks = paxHeaders === 0 ? 0 : 1 + Math.ceil((name.length + " path=\n".length + 40) / 512);
  expect(header.length).toBe((1 + paxBlocks) * 512);
  expect(header.toString("latin1", header.length - 512, header.length - 412)).toBe(
    paxHeaders === 0 ? "d".repeat(100) : `${name.slice(0, 99)}\0`,
  );
});

test("a size that the field cannot state is stated by pax, and by the field in base 256", async () => {
  const sizeBytes = 9 * 2 ** 30;
  const header = encodeHeader({ ...file("large"), sizeBytes });
  expect(header.toString("latin1")).toContain(` size=${sizeBytes}\n`);
  for await (const entry of readEntries(streamOf(header), {})) {
    expect(entry.sizeBytes).toBe(sizeBytes);
    break;
  }
});

test("times outside of the format's range are written as its first or last second", async () => {
  const times = [new Date(Number.NaN), new Date("1905-01-01T00:00:00Z"), new Date("2300-01-01T00:00:00Z")];
  const tar = writeEntries(times.map((mtime) => file("a", "", { mtime })));
  const read = await Array.fromAsync(readEntries(tar, {}), ({ mtime }) => mtime.getTime() / 1000);
  expect(read).toEqual([0, 0, 2 ** 31 - 1]);
});

test.each([
  ["shorter", "abc"],
  ["longer", "abcde"],
])("content that is %s than its header says is an error, not a damaged tar", async (difference, content) => {
  const entry = { ...file("a", content), sizeBytes: 4 };
  await expect(bytesOf(writeEntries([entry]))).rejects.toThrow(
    new RangeError(`the content of a is ${difference} than 4 bytes`),
  );
});

test("an error of a body is passed on unchanged", async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("ab");
    throw new Error("the source is gone");
  }
  const entry = { ...file("a"), sizeBytes: 4, body: failing() };
  await expect(contentOf(writeEntries([entry]))).rejects.toThrow("the source is gone");
});
