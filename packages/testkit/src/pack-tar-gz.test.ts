import { text } from "node:stream/consumers";
import { createGunzip } from "node:zlib";
import { readEntries } from "@slipway/tar";
import { expect, test } from "vitest";
import { packTarGz } from "./pack-tar-gz.ts";

test("packTarGz packs files, folders and any other entry in the order given", async () => {
  const archive = await packTarGz({
    "app/": "",
    "app/Procfile": "web: npm start\n",
    "app/bin/run": { mode: 0o755, content: "#!/bin/sh\n" },
    "app/link": { kind: "symlink", target: "../../etc/passwd" },
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

test("packTarGz packs the same entries into the same bytes", async () => {
  const entries = { "app/": "", "app/index.js": "// hello" };
  expect((await packTarGz(entries)).equals(await packTarGz(entries))).toBe(true);
});

async function entriesOf(archive: Buffer) {
  const gunzip = createGunzip();
  gunzip.end(archive);
  const entries: unknown[] = [];
  for await (const { path, kind, mode, body } of readEntries(gunzip, {}))
    entries.push([path, kind, mode, await text(body)]);
  return entries;
}
