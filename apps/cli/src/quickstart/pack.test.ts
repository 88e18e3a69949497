import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createGunzip } from "node:zlib";
import { expect, test } from "vitest";
import { readEntries } from "@slipway/tar";
import { packFolder } from "./pack.ts";

test("packFolder packs one folder with its files and modes, but without node_modules", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-pack-"));
  await mkdir(join(folder, "bin"));
  await mkdir(join(folder, "node_modules"));
  await writeFile(join(folder, "bin", "detect"), "#!/bin/sh\n", { mode: 0o755 });
  await writeFile(join(folder, "node_modules", "x.js"), "");
  await writeFile(join(folder, "package.json"), "{}");
  const entries: Record<string, number> = {};
  const archive = createGunzip();
  archive.end(await packFolder(folder));
  for await (const { path, mode } of readEntries(archive, {})) entries[path] = mode;
  const root = basename(folder);
  expect(Object.keys(entries)).toEqual([`${root}/bin/detect`, `${root}/package.json`]);
  expect((entries[`${root}/bin/detect`] ?? 0) & 0o111).toBe(0o111);
  await rm(folder, { recursive: true });
});
