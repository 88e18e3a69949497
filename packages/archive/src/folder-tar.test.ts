import { expect, test } from "vitest";
import { drain, refusal } from "@slipway/testkit";
import { folderTar } from "./folder-tar.ts";
import { type TestEntry, streamOf, tarEntry, tarOf, unpack } from "../test-support/archives.ts";

const limits = { maxUnpackedBytes: 1024 ** 2, maxEntries: 1000 };

function kept(entries: readonly TestEntry[], tar = tarOf(entries)) {
  return folderTar(streamOf(tar), { name: "cache", limits });
}

test("the folder of a build cache is unchanged below its new name", async () => {
  const entries = await unpack(
    kept([
      { path: "cache/", type: "5", mode: 0o755 },
      { path: "cache/a/", type: "5", mode: 0o700 },
      { path: "cache/a/run", content: "#!/bin/sh\n", mode: 0o755 },
      { path: "cache/a/same", type: "1", linkpath: "cache/a/run", mode: 0o755 },
      { path: "cache/b", type: "2", linkpath: "a/run" },
      { path: "cache/python", type: "2", linkpath: "/usr/bin/python3" },
    ]),
  );
  expect(entries.map(({ name, type, mode, linkname }) => [name, type, mode.toString(8), linkname])).toEqual([
    ["cache/", "Directory", "755", ""],
    ["cache/a/", "Directory", "700", ""],
    ["cache/a/run", "File", "755", ""],
    ["cache/a/same", "Link", "755", "cache/a/run"],
    ["cache/b", "SymbolicLink", "777", "a/run"],
    ["cache/python", "SymbolicLink", "777", "/usr/bin/python3"],
  ]);
  expect(entries[2]?.content).toBe("#!/bin/sh\n");
});

test.each<[string, TestEntry, string]>([
  ["a link out of it", { path: "cache/e", type: "2", linkpath: "../../etc" }, "leads out of the folder"],
  ["a pipe", { path: "cache/p", type: "6" }, "is not a file, folder or link"],
  ["a second folder", { path: "build/", type: "5" }, "exactly one folder"],
  ["a name that climbs", { path: "cache/../build/x" }, '".." in its name'],
])("%s is rejected in a build cache", async (_, entry, reason) => {
  const refused = await refusal(drain(kept([{ path: "cache/", type: "5" }, entry])));
  expect(refused).toMatch(/^archive-invalid: /);
  expect(refused).toContain(reason);
});

test("a file in place of the folder of a build cache is rejected", async () => {
  expect(await refusal(drain(kept([{ path: "cache" }])))).toContain('"cache" at its root is not a folder');
});

// A size of 12 GiB needs a pax header, as the engine writes it. The test's tar contains none of the file's content.
test.each([
  ["small enough for the field", 2 ** 31, undefined],
  ["too large for the field", 0, { size: 12 * 2 ** 30 }],
])("a sparse file is rejected by its size, %s, before its content is read", async (_, sizeBytes, pax) => {
  const folder = tarEntry({ path: "cache/", type: "5" });
  const file = tarEntry({ path: "cache/x", sizeBytes, ...(pax === undefined ? {} : { pax }) });
  const refused = await refusal(drain(kept([], Buffer.concat([folder, file]))));
  expect(refused).toBe("archive-too-large: The archive unpacks to more than 1 MiB.");
});
