import { lstat, mkdtempDisposable, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readOrCreate, readText, writePrivate } from "./files.ts";

test("a file is written for its owner only, and one that is replaced keeps its mode", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-files-"));
  const path = join(folder.path, "secret");
  expect(await readOrCreate(path, () => "first")).toEqual({ text: "first", created: true });
  expect((await lstat(path)).mode & 0o777).toBe(0o600);
  const shared = join(folder.path, "shared");
  await writeFile(shared, "old", { mode: 0o640 });
  await writePrivate(shared, "new");
  expect([await readText(shared), (await lstat(shared)).mode & 0o777]).toEqual(["new", 0o640]);
});

test("a link is not read, and replaced without a change of the file that it names", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-files-"));
  const [target, link] = [join(folder.path, "target"), join(folder.path, "link")];
  await writeFile(target, "foreign", { mode: 0o644 });
  await symlink(target, link);
  await expect(readText(link)).rejects.toThrow("is a symbolic link");
  await expect(readOrCreate(link, () => "own")).rejects.toThrow("is a symbolic link");
  await writePrivate(link, "own");
  const found = await lstat(link);
  expect([found.isFile(), found.mode & 0o777, await readFile(link, "utf8")]).toEqual([true, 0o600, "own"]);
  expect([await readFile(target, "utf8"), (await lstat(target)).mode & 0o777]).toEqual(["foreign", 0o644]);
});
