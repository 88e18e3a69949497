// Go toolchains from a test's own module proxy, with a checksum database that is signed with the test's key.

import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { refusal } from "@slipway/testkit";
import { readEntries } from "@slipway/tar";
import type { BlobStore } from "@slipway/core";
import { moduleHash, startGoProxy } from "../test-support/go-proxy.ts";
import type { TestGoProxy } from "../test-support/go-proxy.ts";
import { memoryBlobs } from "../test-support/sources.ts";
import { zipOf } from "../test-support/zip.ts";
import { goLayer } from "./go-layers.ts";
import { openGoProxy } from "./go-proxy.ts";
import { resolveGo } from "./go-versions.ts";
import { layerTar } from "./toolchain-layer.ts";

const { signal } = new AbortController();
const clock = { time: new Date() };
const prefix = "golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64/";
const files: readonly (readonly [string, string])[] = [
  ["VERSION", "go1.22.5"],
  ["src/fmt/print_test.go", "test"],
  ["src/fmt/print.go", "print"],
  ["src/_go.mod", "module std"],
  ["src/testdata/big", "data"],
  ["src/cmd/go/main.go", "source of a program"],
  ["pkg/tool/linux_amd64/pprof", "profiler"],
  ["pkg/tool/linux_amd64/compile", "compiler"],
  ["bin/go", "program"],
].map(([path, content]) => [`${prefix}${path}`, content ?? ""] as const);
const hash = moduleHash(files);
const listed = ["1.20", "1.20.14", "1.22.0", "1.22.9", "1.22.10", "1.22.5", "1.23.0", "1.24rc2"];
let server: TestGoProxy;

beforeEach(async () => {
  clock.time = new Date("2026-11-01T12:00:00Z");
  const archives = Object.fromEntries(listed.map((version) => [version, zipOf(files)]));
  server = await startGoProxy(archives, Object.fromEntries(listed.map((version) => [version, hash])));
});
afterEach(() => server[Symbol.asyncDispose]());

function open(database = server.database, blobs: BlobStore = memoryBlobs()) {
  const onError = (error: unknown): never => {
    throw error;
  };
  const proxy = openGoProxy({
    url: server.url,
    checksumDatabase: database,
    blobs,
    now: () => clock.time,
    onError,
  });
  return { proxy, architecture: "x64" as const };
}

async function resolved(wanted: string, sources = open()) {
  return await resolveGo(sources, { wanted, wantedIn: "the go line of go.mod" }, signal);
}

test.each([
  ["", "1.23.0"],
  ["1.22", "1.22.10"],
  ["1.22.5", "1.22.5"],
  ["1.20", "1.20.14"],
  ["1.24rc2", "1.24rc2"],
  ["1.13", "1.23.0"],
])("an app that names %j is built with Go %s", async (wanted, version) => {
  expect(await resolved(wanted)).toMatchObject({ version, hash, warnings: [] });
});

test("a version that the proxy does not list, but has, is used", async () => {
  server.files.set("/golang.org/toolchain/@v/v0.0.1-go1.22.3.linux-amd64.mod", "module golang.org/toolchain");
  expect((await resolved("1.22.3", open("off"))).version).toBe("1.22.3");
});

test("a version that does not exist is the app's error, which says what to name", async () => {
  expect(await refusal(resolved("1.22.99"))).toBe(
    "build-failed: There is no Go 1.22.99 (the go line of go.mod).\nThe newest version of 1.22 is 1.22.10. Name it, or only 1.22.",
  );
  expect(await refusal(resolved("1.99"))).toBe(
    "build-failed: There is no Go 1.99 (the go line of go.mod).\nThe newest version is 1.23.0. Name a version that exists, such as 1.23.0.",
  );
});

test("the layer contains the toolchain without tests, with programs executable and go.mod by its name", async () => {
  const sources = open();
  const entries = await entriesOf(layerTar(goLayer(sources, await resolved("1.22.5", sources)), signal));
  expect(entries).toEqual([
    ["opt/slipway/go/VERSION", 0o644, "go1.22.5"],
    ["opt/slipway/go/bin/go", 0o755, "program"],
    ["opt/slipway/go/pkg/tool/linux_amd64/compile", 0o755, "compiler"],
    ["opt/slipway/go/src/go.mod", 0o644, "module std"],
    ["opt/slipway/go/src/fmt/print.go", 0o644, "print"],
  ]);
});

test("the order of the files in the archive does not change the layer", async () => {
  const sources = open();
  const plan = goLayer(sources, await resolved("1.22.5", sources));
  const first = Buffer.concat(await Array.fromAsync(layerTar(plan, signal)));
  serve(zipOf(files.toReversed()));
  expect(Buffer.concat(await Array.fromAsync(layerTar(plan, signal))).equals(first)).toBe(true);
});

test("an archive that is not the one of the checksum database makes no layer", async () => {
  const sources = open();
  const plan = goLayer(sources, await resolved("1.22.5", sources));
  serve(zipOf(files.map(([path]) => [path, "changed"])));
  expect(await refusal(entriesOf(layerTar(plan, signal)))).toContain(
    `toolchain-unavailable: The archive of ${prefix.slice(0, -1)} does not match Go's checksum database`,
  );
});

test.each<[string, ReturnType<typeof zipOf>, string]>([
  ["leaves its folder", zipOf([[`${prefix}../x`, ""]]), "is not a path of a file"],
  ["is outside of the module", zipOf([["other/x", ""]]), "has a file outside of"],
  [
    "occurs twice",
    zipOf([
      [`${prefix}x`, ""],
      [`${prefix}x`, ""],
    ]),
    "twice",
  ],
  [
    "is larger than listed",
    zipOf([[`${prefix}x`, "12345"]], (entry) => entry.writeUInt32LE(2, 24)),
    "cannot be unpacked",
  ],
  ["is huge", zipOf([[`${prefix}x`, ""]], (entry) => entry.writeUInt32LE(0x7fffffff, 24)), "more than"],
  ["is encrypted", zipOf([[`${prefix}x`, ""]], (entry) => entry.writeUInt16LE(1, 8)), "encrypted"],
  [
    "is outside of the archive",
    zipOf([[`${prefix}x`, "1"]], (entry) => entry.writeUInt32LE(5000, 42)),
    "ends within a file",
  ],
  ["is in no zip archive", Buffer.alloc(100), "not what a zip archive has there"],
])("an archive with a file that %s is refused", async (_which, archive, reason) => {
  serve(archive);
  const sources = open("off");
  const made = entriesOf(layerTar(goLayer(sources, { version: "1.22.5", hash: null }), signal));
  expect(await refusal(made)).toContain(reason);
});

test("a database that does not respond, or is off, is named in a warning, and makes another layer", async () => {
  server.failing.set("/lookup/", 403);
  const unchecked = await resolved("1.22.5");
  expect(unchecked).toMatchObject({ hash: null });
  expect(unchecked.warnings.join("")).toMatch(
    /^Go 1\.22\.5 is not checked: the checksum database sum\.test does not respond: /,
  );
  const sources = open("off");
  expect((await resolved("1.22.5", sources)).warnings).toEqual([
    "Go 1.22.5 is not checked: the checksum database is off (BUILD_GO_SUMDB)",
  ]);
  expect(goLayer(sources, unchecked).key).not.toBe(goLayer(sources, { version: "1.22.5", hash }).key);
});

test.each<[string, (text: string) => string, string]>([
  ["another hash", (answer) => answer.replace(hash, "h1:AAAA"), "its answer is not in its tree"],
  ["another number", (answer) => answer.replace(/^\d+/, "3"), "its answer is not in its tree"],
  [
    "a larger tree",
    (answer) => answer.replace(/\n308\n/, "\n309\n"),
    "its answer is not signed with its key",
  ],
  ["no signature", (answer) => answer.replace(/— .*/, ""), "its answer is not signed with its key"],
])("an answer of the database with %s is refused", async (_what, change, reason) => {
  const path = "/sumdb/sum.test/lookup/golang.org/toolchain@v0.0.1-go1.22.5.linux-amd64";
  const answer = String(server.files.get(path));
  expect(change(answer)).not.toBe(answer);
  server.files.set(path, change(answer));
  expect(await refusal(resolved("1.22.5"))).toContain(reason);
});

test("an answer about another version is refused", async () => {
  const path = (version: string) =>
    `/sumdb/sum.test/lookup/golang.org/toolchain@v0.0.1-go${version}.linux-amd64`;
  server.files.set(path("1.22.5"), server.files.get(path("1.22.9")) ?? "");
  expect(await refusal(resolved("1.22.5"))).toContain("its answer is about something else");
});

test("a verified hash and the list of versions are kept for when the proxy does not respond", async () => {
  const blobs = memoryBlobs();
  await resolved("1.22.5", open(server.database, blobs));
  server.failing.set("/", 403);
  const kept = await resolved("1.22.5", open(server.database, blobs));
  expect(kept).toMatchObject({ version: "1.22.5", hash });
  expect(kept.warnings.join("")).toContain("An earlier list of Go's versions is used");
});

test("an invalid name of a checksum database is the operator's error", () => {
  expect(() => open("sum.test")).toThrow("BUILD_GO_SUMDB is");
});

function serve(archive: Buffer): void {
  server.files.set("/golang.org/toolchain/@v/v0.0.1-go1.22.5.linux-amd64.zip", archive);
}

async function entriesOf(tar: AsyncIterable<Uint8Array>) {
  const entries: [path: string, mode: number, content: string][] = [];
  for await (const { kind, path, mode, body } of readEntries(tar, { maxSizeBytes: 1024 ** 2 })) {
    const content = await text(body);
    if (kind === "file") entries.push([path, mode, content]);
  }
  return entries;
}
