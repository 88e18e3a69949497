import { hash } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { refusal } from "@slipway/testkit";
import { type ScanOptions, scanSource } from "./scan-source.ts";
import { type TestEntry, archiveOf, streamOf, tarOf } from "../test-support/archives.ts";

const limits = { maxUnpackedBytes: 1024 ** 2, maxEntries: 1000 };

function scan(entries: readonly TestEntry[], changes: Partial<ScanOptions> = {}) {
  return scanSource(archiveOf(entries), {
    limits,
    capture: new Map(),
    folder: "",
    signal: new AbortController().signal,
    ...changes,
  });
}

const app: readonly TestEntry[] = [
  { path: "app/package.json", content: "{}" },
  { path: "app/bin/start", content: "#!/bin/sh\n", mode: 0o755 },
  { path: "app/latest", type: "2", linkpath: "bin" },
];

test("a scan counts the files and copies the requested files up to their maximum sizes", async () => {
  const facts = await scan(
    [
      { path: "app/Procfile", content: "web: old" },
      { path: "app/package.json", content: "x".repeat(65) },
      { path: "app/sub/Procfile", content: "no" },
      { path: "app/.slugignore", type: "2", linkpath: "x" },
      { path: "app/Procfile", content: "web: new" },
    ],
    {
      capture: new Map([
        ["Procfile", 100],
        ["package.json", 64],
        [".slugignore", 100],
        ["missing", 100],
      ]),
    },
  );
  expect(facts).toMatchObject({
    fileCount: 5,
    sizeBytes: 16 + 2 + 65,
    captured: new Map([["Procfile", Buffer.from("web: new")]]),
    oversized: new Set(["package.json"]),
    names: [".slugignore", "Procfile", "package.json", "sub/"],
  });
});

test("a requested folder is captured without content, and a file of its name is not", async () => {
  const capture = new Map(["vendor/cache/", "bin/", "Procfile/"].map((path) => [path, 0]));
  const entries = [
    { path: "app/vendor/cache/a.gem", content: "x" },
    { path: "app/Procfile", content: "web: x" },
  ];
  expect((await scan(entries, { capture })).captured).toEqual(new Map([["vendor/cache/", Buffer.alloc(0)]]));
});

test("long paths and targets of links take no more memory than short ones", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const folder = `app/${Array.from({ length: 12 }, () => "d".repeat(200)).join("/")}`;
  const entries = (from: number) =>
    tarOf(
      Array.from({ length: 2_000 }, (_, index) => {
        const path = `${folder}/${from + index}`;
        const linkpath = `${"t".repeat(240)}/`.repeat(10);
        return index % 2 === 0
          ? { path: "x", pax: { path } }
          : { path: "x", type: "2", linkpath: "x", pax: { path, linkpath } };
      }),
    );
  const [first, second] = [entries(0), entries(2_000)];
  let grownBytes = 0;
  const archive = async function* () {
    yield gzipSync(first.subarray(0, -1024));
    collect();
    const before = process.memoryUsage().heapUsed;
    yield gzipSync(second);
    collect();
    grownBytes = process.memoryUsage().heapUsed - before;
    yield gzipSync(Buffer.alloc(1024));
  };
  await scanSource(archive(), {
    limits: { maxUnpackedBytes: 64 * 1024 ** 2, maxEntries: 10_000 },
    capture: new Map(),
    folder: "",
    signal: new AbortController().signal,
  });
  expect(grownBytes / 2_000).toBeLessThan(1_000);
});

test("the names of a folder other than the root are listed", async () => {
  const entries = [...app, { path: "app/bin/lib/x", content: "x" }];
  expect((await scan(entries, { folder: "bin" })).names).toEqual(["lib/", "start"]);
  expect((await scan(entries, { folder: "none" })).names).toEqual([]);
});

test("the digest of the archive includes chunks after the gzip data", async () => {
  const archive = await bytesOf(archiveOf(app));
  const rest = Buffer.alloc(2 ** 16, "x");
  const chunks = async function* () {
    yield archive;
    for (let sent = 0; sent < 4; sent += 1) yield rest;
  };
  const { signal } = new AbortController();
  const { archiveDigest } = await scanSource(chunks(), { limits, capture: new Map(), folder: "", signal });
  expect(archiveDigest).toBe(hash("sha256", Buffer.concat([archive, rest, rest, rest, rest])));
});

test("the digest of the archive is that of all its bytes, also of those after the end of the tar", async () => {
  const archive = gzipSync(
    Buffer.concat([await bytesOf(archiveOf(app)).then(gunzipSync), Buffer.alloc(2 ** 20)]),
  );
  const { archiveDigest } = await scanSource(streamOf(archive), {
    limits: { ...limits, maxUnpackedBytes: 4 * 1024 ** 2 },
    capture: new Map(),
    folder: "",
    signal: new AbortController().signal,
  });
  expect(archiveDigest).toBe(hash("sha256", archive));
});

test("the digest does not depend on the order, the times or the compression of the archive", async () => {
  const { digest } = await scan(app);
  expect((await scan([...app].reverse())).digest).toBe(digest);
  const later = app.map((entry) => ({ ...entry, mtime: new Date("2030-01-01T00:00:00Z") }));
  expect((await scan(later)).digest).toBe(digest);
  const renamed = app.map((entry) => ({ ...entry, path: entry.path.replace("app/", "other/") }));
  const recompressed = streamOf(gzipSync(tarOf(renamed), { level: 1 }));
  const signal = new AbortController().signal;
  expect((await scanSource(recompressed, { limits, capture: new Map(), folder: "", signal })).digest).toBe(
    digest,
  );
});

test.each<[string, (entry: TestEntry) => TestEntry]>([
  ["a byte", (entry) => (entry.path === "app/package.json" ? { ...entry, content: "[]" } : entry)],
  ["an execute bit", (entry) => (entry.path === "app/bin/start" ? { ...entry, mode: 0o644 } : entry)],
  ["a name", (entry) => (entry.path === "app/bin/start" ? { ...entry, path: "app/bin/begin" } : entry)],
  ["a link's target", (entry) => (entry.path === "app/latest" ? { ...entry, linkpath: "b" } : entry)],
])("the digest changes with %s", async (_what, change) => {
  expect((await scan(app.map(change))).digest).not.toBe((await scan(app)).digest);
});

test("the newest time is that of the file that changed last", async () => {
  const times = [1_700_000_000, 1_700_000_100, 1_600_000_000].map((seconds) => new Date(seconds * 1000));
  const entries = times.map((mtime, index) => ({ path: `app/${index}`, content: "x", mtime }));
  expect((await scan(entries)).newestTime).toEqual(times[1]);
});

test("an archive that cannot be unpacked safely is refused", async () => {
  expect(await refusal(scan([{ path: "app/../../etc/passwd", content: "x" }]))).toMatch(/^archive-invalid: /);
});

test("an archive over the limits is refused", async () => {
  expect(await refusal(scan(app, { limits: { ...limits, maxEntries: 2 } }))).toMatch(/^archive-too-large: /);
});

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(stream));
}

test("files of certain names are found in all folders, with the links of the source", async () => {
  const captureAnywhere = new Map([
    ["package.json", 10],
    ["binding.gyp", 0],
  ]);
  const entries: readonly TestEntry[] = [
    ...app,
    { path: "app/lib/package.json", content: "{ }" },
    { path: "app/lib/docs", type: "2", linkpath: "../bin/start" },
  ];
  const { scattered, links } = await scan(entries, { captureAnywhere });
  expect(scattered).toEqual(
    new Map([
      ["package.json", Buffer.from("{}")],
      ["lib/package.json", Buffer.from("{ }")],
    ]),
  );
  expect(links).toEqual([
    { path: "latest", target: "bin", leadsToFile: false },
    { path: "lib/docs", target: "bin/start", leadsToFile: true },
  ]);
  const further: readonly TestEntry[] = [
    { path: "app/lib/package.json", content: "x".repeat(11) },
    { path: "app/lib/package.json", type: "2", linkpath: "x" },
    { path: "app/addon/binding.gyp", content: "" },
    { path: "app/lib/node_modules/x", content: "x" },
  ];
  for (const entry of further)
    expect((await scan([...app, entry], { captureAnywhere })).scattered).toBeNull();
});
