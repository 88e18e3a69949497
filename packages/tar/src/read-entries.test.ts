import { execFileSync } from "node:child_process";
import { link, mkdir, mkdtempDisposable, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ByteStream } from "@slipway/core";
import { Header } from "tar";
import { expect, test } from "vitest";
import { bytesOf, contentOf, directory, file, streamOf } from "../test-support/entries.ts";
import { readEntries } from "./read-entries.ts";
import type { TarError } from "./tar-error.ts";
import { encodeHeader } from "./tar-header.ts";
import { endOfTar, writeEntries } from "./write-entries.ts";

test.each(["gnu", "pax", "ustar", "v7"])(
  "the tar reader reads what GNU tar wrote in the format %s",
  async (format) => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-tar-"));
    const app = join(folder.path, "app");
    await mkdir(app);
    await writeFile(join(app, "a"), "x".repeat(513));
    await link(join(app, "a"), join(app, "b"));
    await symlink("a", join(app, "c"));
    const args = ["-C", folder.path, "--sort=name", `--format=${format}`, "--owner=7", "--group=8"];
    const tar = execFileSync("tar", [...args, "-cf", "-", "app"]);
    expect(await contentOf(streamOf(tar))).toEqual([
      ["directory", "app/", "", ""],
      ["file", "app/a", "", "x".repeat(513)],
      ["hardlink", "app/b", "app/a", ""],
      ["symlink", "app/c", "a", ""],
    ]);
    for await (const { uid, gid } of readEntries(streamOf(tar), {})) expect([uid, gid]).toEqual([7, 8]);
  },
);

test.each(["gnu", "pax"])(
  "the tar reader reads names with line feeds and long names, in the format %s",
  async (format) => {
    await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-tar-"));
    const names = [
      "line\nfeed-é",
      `15 path=evil\n${"n".repeat(150)}\n13 path=evi\n`,
      "ü".repeat(120),
    ].toSorted();
    for (const name of names) await writeFile(join(folder.path, name), name);
    const args = ["-C", folder.path, `--format=${format}`, "-cf", "-", "--null", "-T", "-"];
    const tar = execFileSync("tar", args, { input: names.join("\0") });
    expect(await contentOf(streamOf(tar))).toEqual(names.map((name) => ["file", name, "", name]));
  },
);

test("the tar reader skips malformed pax records, and reads the ones after them", async () => {
  const body = Buffer.from("nonsense\n99999 path=beyond\n5 x=\n17 path=after-it\n17 linkpath=none\n");
  const padded = Buffer.concat([body, Buffer.alloc(512 - body.length)]);
  const tar = Buffer.concat([paxHeader(body.length), padded, encodeHeader(file("original")), endOfTar]);
  expect(await contentOf(streamOf(tar))).toEqual([["file", "after-it", "none", ""]]);
});

test.each(["-1", "1e3", "0x10", "1.5", "", "99999999999999999999", "12\0"])(
  "the tar reader refuses the pax size %j",
  async (size) => {
    const tar = withPax(` size=${size}`);
    await expect(contentOf(streamOf(tar))).rejects.toMatchObject({
      problem: "damaged",
      message: `The tar archive is damaged: a pax header states the size ${JSON.stringify(size)}, which is not a number of bytes.`,
    });
  },
);

test("the tar reader reads an extended header of 1 MiB, and refuses a larger one before it is read", async () => {
  const limitBytes = 1024 ** 2;
  const comment = `${limitBytes} comment=`;
  const record = `${comment}${"x".repeat(limitBytes - comment.length - 1)}\n`;
  const largest = Buffer.concat([
    paxHeader(limitBytes),
    Buffer.from(record),
    encodeHeader(file("a")),
    endOfTar,
  ]);
  expect(await contentOf(streamOf(largest))).toEqual([["file", "a", "", ""]]);
  await expect(contentOf(streamOf(paxHeader(limitBytes + 1)))).rejects.toMatchObject({
    problem: "damaged",
    message: "The tar archive is damaged: an extended header is too large.",
  });
});

test.each(["path", "linkpath"])("the tar reader refuses a NUL character in a pax %s", async (keyword) => {
  await expect(contentOf(streamOf(withPax(` ${keyword}=app/a\0b`)))).rejects.toMatchObject({
    problem: "damaged",
    message: "The tar archive is damaged: a pax header has a name with a NUL character.",
  });
});

test.each([
  ["minus one in base 256", Buffer.alloc(12, 0xff), "an entry's header states a negative size"],
  [
    "-2^88 in base 256",
    Buffer.from([0xff, ...Array<number>(11).fill(0)]),
    "an entry's header states a negative size",
  ],
  [
    "a negative number in base 256 of eight bytes",
    Buffer.from([0xc0, ...Array<number>(11).fill(1)]),
    "an entry's header states a negative size",
  ],
  ["-1", Buffer.from("-0000000001\0"), "an entry's header states a negative size"],
  ["a decimal number", Buffer.from("00000000009\0"), "an entry's size cannot be read"],
  ["a number with an exponent", Buffer.from("1e3".padStart(11) + "\0"), "an entry's size cannot be read"],
])("the tar reader refuses a header with the size %s", async (_title, size, reason) => {
  const tar = Buffer.concat([withSizeField(encodeHeader(file("a")), size), endOfTar]);
  await expect(contentOf(streamOf(tar))).rejects.toMatchObject({
    problem: "damaged",
    message: `The tar archive is damaged: ${reason}.`,
  });
});

test.each([
  ["an empty field", Buffer.alloc(12)],
  ["spaces", Buffer.from("          0 ")],
  ["digits without a terminator", Buffer.from("000000000000")],
  ["zero in base 256", Buffer.from([0x80, ...Array<number>(11).fill(0)])],
])("the tar reader reads a size of 0 that is stated as %s", async (_title, size) => {
  const tar = Buffer.concat([withSizeField(encodeHeader(file("a")), size), endOfTar]);
  expect(await contentOf(streamOf(tar))).toEqual([["file", "a", "", ""]]);
});

test("the tar reader skips content that is not read, and content of which only a part is read", async () => {
  const tar = await bytesOf(
    writeEntries([file("a", "a".repeat(2000)), file("b", "b".repeat(2000)), file("c")]),
  );
  const paths: string[] = [];
  for await (const { path, body } of readEntries(streamOf(tar), {})) {
    paths.push(path);
    if (path === "b") for await (const _ of body) break;
  }
  expect(paths).toEqual(["a", "b", "c"]);
});

test("the tar reader enforces limits before the content is read", async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield encodeHeader({ ...file("big"), sizeBytes: 2 ** 40 });
    while (true) yield Buffer.alloc(1024);
  }
  await expect(contentOf(limited(endless(), { maxSizeBytes: 2 ** 20 }))).rejects.toMatchObject({
    problem: "too-large",
    message: "The tar archive is larger than 1048576 bytes.",
  });
  const three = writeEntries([directory("a"), directory("b"), directory("c")]);
  await expect(contentOf(limited(three, { maxEntries: 2 }))).rejects.toMatchObject({
    problem: "too-many-entries",
    message: "The tar archive has more than 2 entries.",
  });
});

test("the tar reader says what is wrong with the bytes", async () => {
  const tar = await bytesOf(writeEntries([file("a", "x".repeat(2000))]));
  await expect(contentOf(streamOf(Buffer.from("hello")))).rejects.toMatchObject({
    problem: "not-a-tar",
    head: Buffer.from("hello"),
  });
  for (const sizeBytes of [600, 1024, 2512, 2600])
    await expect(contentOf(streamOf(tar.subarray(0, sizeBytes)))).rejects.toMatchObject({
      problem: "damaged",
      message: "The tar archive is damaged: it is truncated.",
    });
});

test("leaving early closes the stream", async () => {
  let closed = false;
  async function* stream(): AsyncGenerator<Uint8Array> {
    try {
      yield* writeEntries([file("a"), file("b")]);
    } finally {
      closed = true;
    }
  }
  for await (const _ of readEntries(stream(), {})) break;
  expect(closed).toBe(true);
});

/** Copies a tar within limits. */
function limited(tar: AsyncIterable<Uint8Array>, limits: Parameters<typeof readEntries>[1]) {
  return writeEntries(
    (async function* () {
      for await (const entry of readEntries(tar, limits)) if (entry.kind !== "other") yield entry;
    })(),
  );
}

test("a tar that arrives in pieces of any size is read like one that arrives whole", async () => {
  const tar = await bytesOf(writeEntries([directory("a"), file("a/b", "x".repeat(700)), file("a/c", "")]));
  const whole = await contentOf(streamOf(tar));
  for (const pieceBytes of [1, 511, 513, 1000]) {
    const pieces = Array.from({ length: Math.ceil(tar.length / pieceBytes) }, (_, index) =>
      tar.subarray(index * pieceBytes, (index + 1) * pieceBytes),
    );
    expect(await contentOf(streamOf(...pieces))).toEqual(whole);
  }
});

test("the tar reader translates its errors and those of bodies, but not the stream's own", async () => {
  const tar = await bytesOf(writeEntries([file("a", "x".repeat(700))]));
  const translate = (error: TarError) => new Error(`translated: ${error.problem}`);
  const read = async (bytes: ByteStream, readsBody: boolean) => {
    for await (const { body } of readEntries(bytes, { translate }))
      if (readsBody) await Array.fromAsync(body);
  };
  const truncated = tar.subarray(0, 600);
  await expect(read(streamOf(truncated), true)).rejects.toThrow("translated: damaged");
  await expect(read(streamOf(truncated), false)).rejects.toThrow("translated: damaged");
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield truncated;
    throw new Error("the source is gone");
  }
  await expect(read(failing(), true)).rejects.toThrow("the source is gone");
});

/** A tar of one empty file after a pax header with one record. */
function withPax(record: string): Buffer {
  const lengthDigits = String(record.length + 3).length;
  const body = Buffer.from(`${record.length + lengthDigits + 1}${record}\n`);
  const padding = Buffer.alloc(512 - body.length);
  return Buffer.concat([paxHeader(body.length), body, padding, encodeHeader(file("original")), endOfTar]);
}

/** The header block of an extended header. */
function paxHeader(sizeBytes: number): Buffer {
  const header = Buffer.alloc(512);
  new Header({ type: "ExtendedHeader", path: "pax", mode: 0o644, size: sizeBytes }).encode(header);
  return header;
}

/** The header with this size in place of its own, and a matching checksum. */
function withSizeField(header: Buffer, size: Buffer): Buffer {
  const changed = Buffer.from(header);
  size.copy(changed, 124);
  changed.fill(" ", 148, 156);
  const sum = changed.reduce((total, byte) => total + byte, 0);
  changed.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
  return changed;
}
