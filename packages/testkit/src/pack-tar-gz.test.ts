import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { text } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { extract } from "tar-stream";
import { expect, test } from "vitest";
import { packTarGz } from "./pack-tar-gz.ts";

test("packs files, folders and any other entry in the order given", async () => {
  const archive = await packTarGz({
    "app/": "",
    "app/Procfile": "web: npm start\n",
    "app/bin/run": { mode: 0o755, content: "#!/bin/sh\n" },
    "app/link": { type: "symlink", linkname: "../../etc/passwd" },
    "../escape": new Uint8Array([104, 105]),
  });
  expect(await entriesOf(archive)).toEqual([
    ["app/", "directory", 0o755, ""],
    ["app/Procfile", "file", 0o644, "web: npm start\n"],
    ["app/bin/run", "file", 0o755, "#!/bin/sh\n"],
    ["app/link", "symlink", 0o644, ""],
    ["../escape", "file", 0o644, "hi"],
  ]);
});

test("packs the same entries into the same bytes", async () => {
  const entries = { "app/": "", "app/index.js": "// hello" };
  expect((await packTarGz(entries)).equals(await packTarGz(entries))).toBe(true);
});

async function entriesOf(archive: Buffer) {
  const tar = extract();
  const written = pipeline(Readable.from([gunzipSync(archive)]), tar as unknown as NodeJS.WritableStream);
  const entries: unknown[] = [];
  for await (const entry of tar) {
    const { name, type, mode } = entry.header;
    entries.push([name, type, mode, await text(entry)]);
  }
  await written;
  return entries;
}
