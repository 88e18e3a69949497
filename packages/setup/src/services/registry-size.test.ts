import { mkdir, mkdtempDisposable, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { registrySizeFile } from "@slipway/service";
import { noteRegistrySize } from "./registry-size.ts";

const never = new AbortController().signal;

test("the files of the private registry are added up into a file that others may read", async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-registry-size-"));
  const file = registrySizeFile(folder.path);
  await noteRegistrySize(folder.path, never);
  await expect(stat(file)).rejects.toThrow("ENOENT");
  const blobs = join(folder.path, "registry/storage/docker/registry/v2/blobs/sha256/ab");
  await mkdir(blobs, { recursive: true });
  await writeFile(join(blobs, "data"), "x".repeat(1_000));
  await writeFile(join(folder.path, "registry/storage/link"), "x".repeat(71));
  await writeFile(join(folder.path, "registry/password"), "no part of it");
  await noteRegistrySize(folder.path, never);
  expect(await readFile(file, "utf8")).toBe("1071\n");
  expect((await stat(file)).mode & 0o777).toBe(0o644);
});
