import { chmod, mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createGunzip } from "node:zlib";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { readEntries } from "@slipway/tar";
import { packFolder, packSource } from "./pack.ts";

let folder = "";
beforeEach(async () => {
  folder = await newFolder();
});

async function newFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "slipway-pack-"));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

async function put(files: Record<string, string>, base = folder): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(base, path)), { recursive: true });
    await writeFile(join(base, path), content);
  }
}

async function packed(slugIgnore = false) {
  const entries: Record<string, string> = {};
  const archive = (await packSource(folder, { slugIgnore })).open().pipe(createGunzip());
  for await (const { path, mode, kind, target } of readEntries(archive, {})) {
    entries[path.replace(/^app\//, "")] = `${kind} ${mode.toString(8)}${target ? ` ${target}` : ""}`;
  }
  return entries;
}

test("a folder is packed with executable files, links and empty directories, but without node_modules and .git", async () => {
  await put({ "bin/detect": "#!/bin/sh\n", "node_modules/x.js": "", ".git/HEAD": "", "package.json": "{}" });
  await chmod(join(folder, "bin", "detect"), 0o755);
  await mkdir(join(folder, "empty"));
  await symlink("package.json", join(folder, "link.json"));
  expect(await packed()).toEqual({
    "bin/detect": "file 755",
    "empty/": "directory 755",
    "link.json": "symlink 755 package.json",
    "package.json": "file 644",
  });
});

test("rules of nested .gitignore files and their negations are applied as by git", async () => {
  await put({ ".gitignore": "*.log\n/dist/\n!keep.log\n", "a.log": "", "keep.log": "", "dist/x": "" });
  await put({ "sub/.gitignore": "!b.log\nsecret\n", "sub/b.log": "", "sub/c.log": "", "sub/secret": "" });
  await put({ secret: "", "sub/dist/x": "", "A.LOG": "" });
  expect(Object.keys(await packed())).toEqual([
    ".gitignore",
    "A.LOG",
    "keep.log",
    "secret",
    "sub/.gitignore",
    "sub/b.log",
    "sub/dist/x",
  ]);
});

test("files that .slugignore names are left out on request only", async () => {
  await put({ ".slugignore": "docs\n", "docs/a.md": "", "index.html": "" });
  expect(Object.keys(await packed(true))).toEqual([".slugignore", "index.html"]);
  expect(Object.keys(await packed())).toContain("docs/a.md");
});

test("the same source gives the same archive, whatever the folder's name and the files' times", async () => {
  const files = { "b/x": "1", a: "2", "b.txt": "3" };
  await put(files);
  const other = await newFolder();
  await put(files, other);
  await utimes(join(other, "a"), 1, 1);
  expect((await packFolder(folder)).equals(await packFolder(other))).toBe(true);
});

test("files over the limit are refused before anything is read, and the largest is named", async () => {
  await put({ "big.bin": "x".repeat(2_000_000), small: "x" });
  await expect(packSource(folder, { maxSizeBytes: 1_000_000 })).rejects.toThrow(
    /1\.9 MiB of files, and the limit is 1\.0 MiB.*big\.bin \(1\.9 MiB\)/,
  );
});

test("a link out of the folder, an empty folder and a missing one are refused with what to do", async () => {
  await expect(packSource(folder)).rejects.toThrow("has no files to deploy");
  await expect(packSource(join(folder, "none"))).rejects.toMatchObject({ exitCode: 2 });
  await symlink("../../etc/passwd", join(folder, "link"));
  await expect(packSource(folder)).rejects.toThrow("outside the folder: replace it by a copy");
});

test("a file that changes its size while it is packed ends the archive with an error", async () => {
  await put({ a: "one" });
  const source = await packSource(folder);
  await put({ a: "longer than before" });
  await expect(source.open().toArray()).rejects.toThrow(/cannot be packed: the content of app\/a is longer/);
});
