// Hostile and useless sources, each with the message to its author: entries of archives, files that are not archives, and URLs.

import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { sourceTar } from "@slipway/archive";
import { archiveOf, streamOf, tarOf } from "@slipway/archive/test-support";
import type { TestEntry } from "@slipway/archive/test-support";
import type { ByteStream } from "@slipway/core";
import { openUrl } from "@slipway/outbound";
import { drain, refusal } from "@slipway/testkit";

const limits = { maxUnpackedBytes: 1024 ** 2, maxEntries: 1000 };
const { signal } = new AbortController();

const entries: readonly (readonly [what: string, entries: readonly TestEntry[], message: string])[] = [
  [
    "an absolute name",
    [{ path: "/etc/passwd" }],
    'archive-invalid: The archive\'s entry "/etc/passwd" has an absolute name.',
  ],
  [
    "a name that leaves the archive",
    [{ path: "app/../../x" }],
    'archive-invalid: The archive\'s entry "app/../../x" has ".." in its name.',
  ],
  [
    "a name of only two dots",
    [{ path: ".." }],
    'archive-invalid: The archive\'s entry ".." has ".." in its name.',
  ],
  [
    "a name that leaves its folder and returns",
    [{ path: "app/lib/../x" }],
    'archive-invalid: The archive\'s entry "app/lib/../x" has ".." in its name.',
  ],
  [
    "a name that leaves the archive, by pax",
    [{ path: "app/x", pax: { path: "app/../y" } }],
    'archive-invalid: The archive\'s entry "app/../y" has ".." in its name.',
  ],
  [
    "an absolute name, by pax",
    [{ path: "app/x", pax: { path: "/etc/shadow" } }],
    'archive-invalid: The archive\'s entry "/etc/shadow" has an absolute name.',
  ],
  [
    "a name that leaves the archive with backslashes",
    [{ path: "app/..\\..\\x" }],
    'archive-invalid: The archive\'s entry "app/..\\\\..\\\\x" has ".." in its name.',
  ],
  [
    "a name with a part that is too long",
    [{ path: "app/x", pax: { path: `app/${"x".repeat(256)}` } }],
    tooLong(`app/${"x".repeat(256)}`),
  ],
  [
    "a name with a part of too many bytes",
    [{ path: "app/x", pax: { path: `app/${"ü".repeat(128)}` } }],
    `archive-invalid: The archive's entry "app/${"ü".repeat(128)}" has a name that is too long.`,
  ],
  [
    "a name that is too long",
    [{ path: "app/x", pax: { path: `app/${`${"y".repeat(99)}/`.repeat(36)}x` } }],
    tooLong(`app/${`${"y".repeat(99)}/`.repeat(36)}x`),
  ],
  [
    "a name of 101 parts",
    [{ path: "app/x", pax: { path: `app/${"z/".repeat(99)}x` } }],
    tooLong(`app/${"z/".repeat(99)}x`),
  ],
  [
    "names that imply thousands of folders",
    Array.from({ length: 100 }, (_, at) => ({
      path: "app/x",
      pax: { path: `app/${at}/${"d/".repeat(90)}x` },
    })),
    "archive-too-large: The archive contains more than 1000 files and folders.",
  ],
  [
    "a character device",
    [{ path: "app/null", type: "3" }],
    'archive-invalid: The archive\'s entry "app/null" is not a file, folder or link (CharacterDevice).',
  ],
  [
    "a block device",
    [{ path: "app/disk", type: "4" }],
    'archive-invalid: The archive\'s entry "app/disk" is not a file, folder or link (BlockDevice).',
  ],
  [
    "a pipe",
    [{ path: "app/pipe", type: "6" }],
    'archive-invalid: The archive\'s entry "app/pipe" is not a file, folder or link (FIFO).',
  ],
  [
    "an entry of an unknown kind",
    [{ path: "app/unknown", type: "Z" }],
    'archive-invalid: The archive\'s entry "app/unknown" is not a file, folder or link (Unsupported).',
  ],
  [
    "a file below a link",
    [
      { path: "app/out", type: "2", linkpath: "/etc" },
      { path: "app/out/passwd", content: "x" },
    ],
    'archive-invalid: The archive\'s entry "out/passwd" is below a symlink.',
  ],
  [
    "a file far below a link",
    [
      { path: "app/far", type: "2", linkpath: "/etc" },
      { path: "app/far/a/b/c", content: "x" },
    ],
    'archive-invalid: The archive\'s entry "far/a/b/c" is below a symlink.',
  ],
  [
    "a folder in place of a link",
    [
      { path: "app/link", type: "2", linkpath: "/etc" },
      { path: "app/link/", type: "5" },
    ],
    'archive-invalid: The archive\'s entry "link" is a directory, but a symlink has the same name.',
  ],
  [
    "a link in place of a folder",
    [{ path: "app/lib/x" }, { path: "app/lib", type: "2", linkpath: "/etc" }],
    'archive-invalid: The archive\'s entry "lib" is a symlink, but a directory has the same name.',
  ],
  [
    "a file in place of a folder",
    [{ path: "app/bin/x" }, { path: "app/bin", content: "x" }],
    'archive-invalid: The archive\'s entry "bin" is a file, but a directory has the same name.',
  ],
  [
    "a folder in place of a file",
    [{ path: "app/file" }, { path: "app/file/", type: "5" }],
    'archive-invalid: The archive\'s entry "file" is a directory, but a file has the same name.',
  ],
  [
    "a file below a file",
    [{ path: "app/a" }, { path: "app/a/b" }],
    'archive-invalid: The archive\'s entry "a/b" is below a file.',
  ],
  [
    "a hard link to a file of the host",
    [{ path: "app/shadow", type: "1", linkpath: "/etc/shadow" }],
    'archive-invalid: The archive\'s entry "/etc/shadow" has an absolute name.',
  ],
  [
    "a hard link that leaves the archive",
    [{ path: "app/climb", type: "1", linkpath: "app/../../etc/shadow" }],
    'archive-invalid: The archive\'s entry "app/../../etc/shadow" has ".." in its name.',
  ],
  [
    "a hard link to nothing",
    [{ path: "app/n", type: "1", linkpath: "app/nothing" }],
    'archive-invalid: The archive\'s entry "app/n" is a hard link to "app/nothing", which is not an earlier file.',
  ],
  [
    "a hard link to itself",
    [{ path: "app/self" }, { path: "app/self", type: "1", linkpath: "app/self" }],
    'archive-invalid: The archive\'s entry "app/self" is a hard link to "app/self", which is not an earlier file.',
  ],
  [
    "a hard link to a link",
    [
      { path: "app/l", type: "2", linkpath: "/etc/shadow" },
      { path: "app/h", type: "1", linkpath: "app/l" },
    ],
    'archive-invalid: The archive\'s entry "app/h" is a hard link to "app/l", which is not an earlier file.',
  ],
  [
    "a hard link to a folder",
    [
      { path: "app/d/", type: "5" },
      { path: "app/hd", type: "1", linkpath: "app/d" },
    ],
    'archive-invalid: The archive\'s entry "app/hd" is a hard link to "app/d", which is not an earlier file.',
  ],
  [
    "a hard link to a later file",
    [{ path: "app/early", type: "1", linkpath: "app/late" }, { path: "app/late" }],
    'archive-invalid: The archive\'s entry "app/early" is a hard link to "app/late", which is not an earlier file.',
  ],
  [
    "a hard link to another root",
    [{ path: "app/a" }, { path: "app/other", type: "1", linkpath: "lib/a" }],
    'archive-invalid: The archive\'s entry "app/other" is a hard link to "lib/a", which is not an earlier file.',
  ],
  [
    "a link with content",
    [{ path: "app/content", type: "2", linkpath: "x", content: "y" }],
    'archive-invalid: The archive\'s entry "app/content" is a symlink with content.',
  ],
  [
    "a folder with content",
    [{ path: "app/full/", type: "5", content: "y" }],
    "archive-invalid: The tar archive is damaged: an entry's checksum is wrong.",
  ],
  [
    "a hard link with content",
    [{ path: "app/a" }, { path: "app/hc", type: "1", linkpath: "app/a", content: "y" }],
    'archive-invalid: The archive\'s entry "app/hc" is a hardlink with content.',
  ],
  [
    "a link without a target",
    [{ path: "app/empty", type: "2", linkpath: "" }],
    'archive-invalid: The archive\'s entry "empty" is a symbolic link without a valid target.',
  ],
  [
    "a link with an endless target",
    [{ path: "app/endless", type: "2", linkpath: "x", pax: { linkpath: "t/".repeat(2000) } }],
    'archive-invalid: The archive\'s entry "endless" is a symbolic link without a valid target.',
  ],
  [
    "more extended headers than an entry needs",
    Array.from({ length: 9 }, () => ({ path: "x", type: "x" })),
    "archive-invalid: The tar archive is damaged: too many extended headers.",
  ],
  [
    "an extended header of two mebibytes",
    [{ path: "x", type: "L", sizeBytes: 2 ** 21 }],
    "archive-invalid: The tar archive is damaged: an extended header is too large.",
  ],
  [
    "a size that is larger than the archive",
    [{ path: "app/a", content: "x", sizeBytes: 5000 }],
    "archive-invalid: The tar archive is damaged: it is truncated.",
  ],
  [
    "a file of 1 TiB",
    [{ path: "app/bomb", sizeBytes: 2 ** 40 }],
    "archive-too-large: The archive unpacks to more than 1 MiB.",
  ],
  [
    "a file of 2 TiB, by pax",
    [{ path: "app/bomb", pax: { size: 2 ** 41 } }],
    "archive-too-large: The archive unpacks to more than 1 MiB.",
  ],
  [
    "a negative size by pax",
    [{ path: "app/minus", pax: { size: -1 } }],
    'archive-invalid: The tar archive is damaged: a pax header states the size "-1", which is not a number of bytes.',
  ],
  [
    "a fractional size by pax",
    [{ path: "app/half", pax: { size: 0.5 } }],
    'archive-invalid: The tar archive is damaged: a pax header states the size "0.5", which is not a number of bytes.',
  ],
  [
    "more entries than the limit",
    Array.from({ length: 1001 }, (_, at) => ({ path: `app/${at}` })),
    "archive-too-large: The archive contains more than 1000 files and folders.",
  ],
  [
    "only a file",
    [{ path: "Procfile" }],
    'archive-invalid: The archive must contain exactly one folder at its root, with the app in it, but "Procfile" at its root is not a folder. Create it with `git archive --prefix=app/ -o app.tar.gz HEAD`.',
  ],
  [
    "only a file in the current folder",
    [{ path: "./", type: "5" }, { path: "./a" }],
    'archive-invalid: The archive must contain exactly one folder at its root, with the app in it, but "a" at its root is not a folder. Create it with `git archive --prefix=app/ -o app.tar.gz HEAD`.',
  ],
  [
    "a file beside its folder",
    [{ path: "app/a" }, { path: "b" }],
    'archive-invalid: The archive must contain exactly one folder at its root, with the app in it, but "b" at its root is not a folder. Create it with `git archive --prefix=app/ -o app.tar.gz HEAD`.',
  ],
  [
    "two folders",
    [{ path: "app/a" }, { path: "lib/b" }],
    'archive-invalid: The archive must contain exactly one folder at its root, with the app in it, but it has "app" and "lib". Create it with `git archive --prefix=app/ -o app.tar.gz HEAD`.',
  ],
  [
    "a link in place of its folder",
    [{ path: "root", type: "2", linkpath: "/" }],
    'archive-invalid: The archive must contain exactly one folder at its root, with the app in it, but "root" at its root is not a folder. Create it with `git archive --prefix=app/ -o app.tar.gz HEAD`.',
  ],
  ["only the current folder", [{ path: "./", type: "5" }], "archive-invalid: The archive is empty."],
  ["only the metadata of an archiver", [{ path: "__MACOSX/._a" }], "archive-invalid: The archive is empty."],
  [
    "a name with control characters",
    [{ path: "app/\u001b[31m\n", type: "6" }],
    'archive-invalid: The archive\'s entry "app/\\u001b[31m\\n" is not a file, folder or link (FIFO).',
  ],
];

const files: readonly (readonly [what: string, bytes: Uint8Array, message: string])[] = [
  [
    "no bytes",
    Buffer.alloc(0),
    "archive-invalid: The source must be a gzipped tar archive, but it is empty.",
  ],
  [
    "a zip file",
    Buffer.from("PK\u0003\u0004rest"),
    "archive-invalid: The source must be a gzipped tar archive, but it is a zip file.",
  ],
  [
    "an empty zip file",
    Buffer.from("PK\u0005\u0006rest"),
    "archive-invalid: The source must be a gzipped tar archive, but it is a zip file.",
  ],
  [
    "a bzip2 file",
    Buffer.from("BZh91AY"),
    "archive-invalid: The source must be a gzipped tar archive, but it is a bzip2 file.",
  ],
  [
    "an xz file",
    Buffer.from("fd377a585a0000", "hex"),
    "archive-invalid: The source must be a gzipped tar archive, but it is an xz file.",
  ],
  [
    "a zstandard file",
    Buffer.from("28b52ffd00", "hex"),
    "archive-invalid: The source must be a gzipped tar archive, but it is a zstandard file.",
  ],
  [
    "an HTML page",
    Buffer.from("<!DOCTYPE html><html>"),
    "archive-invalid: The source must be a gzipped tar archive, but it is an HTML page.",
  ],
  [
    "an XML document",
    Buffer.from('<?xml version="1.0"?><Error/>'),
    "archive-invalid: The source must be a gzipped tar archive, but it is an XML document.",
  ],
  [
    "a JSON document",
    Buffer.from('{"message":"Not Found"}'),
    "archive-invalid: The source must be a gzipped tar archive, but it is a JSON document.",
  ],
  [
    "a text",
    Buffer.from("404: Not Found"),
    "archive-invalid: The source must be a gzipped tar archive, but it is a text file.",
  ],
  [
    "unknown bytes",
    Buffer.from([1, 2, 3]),
    "archive-invalid: The source must be a gzipped tar archive, but it is a file of an unknown format.",
  ],
  [
    "a tar that is not compressed",
    tarOf([{ path: "a/b" }]),
    "archive-invalid: The source must be a gzipped tar archive, but it is a tar archive that is not compressed.",
  ],
  [
    "a compressed text",
    gzipSync("hello ".repeat(200)),
    "archive-invalid: The gzip file must contain a tar archive, but its content is a text file.",
  ],
  [
    "a gzip file in a gzip file",
    gzipSync(gzipSync(Buffer.alloc(2000, 7))),
    "archive-invalid: The gzip file must contain a tar archive, but its content is a gzip file.",
  ],
  [
    "a compressed zip file",
    gzipSync(`PK\u0003\u0004${"z".repeat(600)}`),
    "archive-invalid: The gzip file must contain a tar archive, but its content is a zip file.",
  ],
  [
    "a compressed HTML page",
    gzipSync(`<html>${"h".repeat(600)}`),
    "archive-invalid: The gzip file must contain a tar archive, but its content is an HTML page.",
  ],
  ["a gzip file of nothing", gzipSync(""), "archive-invalid: The archive is empty."],
  [
    "only the head of a gzip file",
    gzipSync("x").subarray(0, 4),
    "archive-invalid: The archive is damaged or incomplete.",
  ],
  [
    "a gzip file without its end",
    gzipSync(tarOf([{ path: "app/a", content: randomBytes(3000) }])).subarray(0, 2000),
    "archive-invalid: The archive is damaged or incomplete.",
  ],
  [
    "a gzip file with a wrong checksum",
    withByte(gzipSync(tarOf([{ path: "app/a" }])), -8),
    "archive-invalid: The archive is damaged or incomplete.",
  ],
  [
    "a tar without the end of a file",
    gzipSync(tarOf([{ path: "app/a", content: randomBytes(3000) }]).subarray(0, 2000)),
    "archive-invalid: The tar archive is damaged: it is truncated.",
  ],
  [
    "a tar with half a header",
    gzipSync(tarOf([{ path: "app/a" }, { path: "app/b" }]).subarray(0, 700)),
    "archive-invalid: The tar archive is damaged: it is truncated.",
  ],
  [
    "a header with a wrong checksum",
    gzipSync(withByte(tarOf([{ path: "app/a" }, { path: "app/b" }]), 512)),
    "archive-invalid: The tar archive is damaged: an entry's checksum is wrong.",
  ],
  [
    "two megabytes of zeros after its end",
    gzipSync(Buffer.concat([tarOf([{ path: "app/a" }]), Buffer.alloc(2_000_000)])),
    "archive-too-large: The archive unpacks to more than 1 MiB.",
  ],
];

const urls: readonly (readonly [what: string, url: string, message: string])[] = [
  ["no URL", "", "The URL is not valid."],
  ["a text", "not a url with s3cret", "The URL is not valid."],
  ["another scheme", "ftp://user:s3cret@example.com/", "The URL must begin with http:// or https://."],
  ["a file", "file:///etc/passwd", "The URL must begin with http:// or https://."],
  ["data", "data:application/gzip;base64,H4sI", "The URL must begin with http:// or https://."],
  ["a script", "javascript:alert(1)", "The URL must begin with http:// or https://."],
  ["a socket", "unix:///var/run/docker.sock", "The URL must begin with http:// or https://."],
  ["git", "git://example.com/repository", "The URL must begin with http:// or https://."],
  ["a host without a scheme", "//127.0.0.1/", "The URL is not valid."],
  ["a port that does not exist", "http://example.com:99999/", "The URL is not valid."],
  ["an address that does not exist", "http://999.1.1.1/", "The URL is not valid."],
  [
    "the loopback address",
    "http://127.0.0.1/",
    "127.0.0.1 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "another loopback address",
    "http://127.9.9.9/",
    "127.9.9.9 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "the loopback address as a number",
    "http://2130706433/",
    "127.0.0.1 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "the loopback address in hexadecimal",
    "http://0x7f.1/",
    "127.0.0.1 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "the loopback address in octal",
    "http://0177.0.0.01:8080/",
    "127.0.0.1:8080 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "the loopback address in wide digits",
    "http://１２７.0.0.1:81/",
    "127.0.0.1:81 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "localhost",
    "http://localhost/",
    "localhost is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "the unspecified address",
    "http://0.0.0.0/",
    "0.0.0.0 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "the loopback address of IPv6",
    "http://[::1]/",
    "[::1] is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "the unspecified address of IPv6",
    "http://[::]/",
    "[::] is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "a private address within IPv6",
    "http://[::ffff:10.0.0.1]/",
    "[::ffff:a00:1] is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "a private address translated to IPv6",
    "http://[64:ff9b::a00:1]/",
    "[64:ff9b::a00:1] is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "a private address in 6to4",
    "http://[2002:a00:1::]/",
    "[2002:a00:1::] is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "a unique local address",
    "http://[fd00:ec2::254]/",
    "[fd00:ec2::254] is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "a link-local address of IPv6",
    "http://[fe80::1]/",
    "[fe80::1] is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "the metadata service",
    "http://169.254.169.254/latest/meta-data/?token=s3cret",
    "169.254.169.254 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "the metadata service, with credentials",
    "http://user:s3cret@169.254.169.254:8080/",
    "169.254.169.254:8080 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "the metadata service of another cloud",
    "http://100.100.100.200/",
    "100.100.100.200 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "the host service of another cloud",
    "http://168.63.129.16/",
    "168.63.129.16 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "a private address",
    "http://10.1.2.3/",
    "10.1.2.3 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "another private address",
    "http://172.31.255.255/",
    "172.31.255.255 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "a third private address",
    "https://192.168.0.1/",
    "192.168.0.1 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "carrier-grade NAT",
    "http://100.64.0.1/",
    "100.64.0.1 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "benchmarking",
    "http://198.18.0.1/",
    "198.18.0.1 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "multicast",
    "http://224.0.0.1/",
    "224.0.0.1 is not on the public internet, and the operator has not allowed it.",
  ],
  [
    "broadcast",
    "http://255.255.255.255/",
    "255.255.255.255 is not on the public internet, and the operator has not allowed it.",
  ],
];

test.for(entries)("an archive with %s is refused", async ([, hostile, message]) => {
  expect(await refusalOf(archiveOf(hostile))).toBe(message);
});

test.for(files)("as a source, %s is refused", async ([, bytes, message]) => {
  expect(await refusalOf(streamOf(bytes))).toBe(message);
});

test.for(urls)("as the URL of a source, %s is refused without a request", async ([, url, message]) => {
  const opening = openUrl(url, { signal, maxSizeBytes: 1000, timeoutMs: 10_000 });
  expect(await refusal(opening)).toBe(`source-unreachable: ${message}`);
});

/** The message to the author of an archive. */
function refusalOf(archive: ByteStream): Promise<string> {
  return refusal(drain(sourceTar(archive, { prefix: "build", limits, signal })));
}

function tooLong(name: string): string {
  return `archive-invalid: The archive's entry "${name.slice(0, 200)}…" has a name that is too long.`;
}

/** The bytes with one value replaced at this position, which counts from the end if it is negative. */
function withByte(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  const index = at < 0 ? bytes.length + at : at;
  changed[index] = (changed[index] ?? 0) ^ 0xff;
  return changed;
}
