import { mkdir, mkdtempDisposable, readFile, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BuildpackCache } from "./buildpack-cache.ts";

let opened: AsyncDisposableStack;
let root: string;
let cache: BuildpackCache;

beforeEach(async () => {
  opened = new AsyncDisposableStack();
  root = opened.use(await mkdtempDisposable(join(tmpdir(), "slipway-cache-"))).path;
  await mkdir(join(root, "cache"));
  cache = new BuildpackCache(join(root, "cache"), 10);
});
afterEach(() => opened.disposeAsync());

async function keep(key: string, sizeBytes: number): Promise<void> {
  const file = join(root, `${key}.tar`);
  await writeFile(file, key);
  await cache.keep(key, [{ path: "", file, sizeBytes }]);
}

let taken = 0;
async function take(key: string) {
  taken += 1;
  const folder = join(root, `taken-${taken}`);
  await mkdir(folder);
  return cache.take(key, folder);
}

test("the least recently used buildpacks are removed, and files that were taken remain", async () => {
  await keep("a", 4);
  await keep("b", 4);
  const [first] = (await take("a")) ?? [];
  await keep("c", 4);
  expect(await take("b")).toBeNull();
  await keep("d", 8);
  expect(await take("a")).toBeNull();
  expect(await readFile(first?.file ?? "", "utf8")).toBe("a");
  expect((await take("d"))?.[0]?.sizeBytes).toBe(8);
  expect(await readdir(join(root, "cache"))).toHaveLength(1);
});

test("a buildpack that is kept again replaces the former one, and one larger than the cache is not kept", async () => {
  await keep("a", 6);
  await keep("a", 7);
  expect((await take("a"))?.[0]?.sizeBytes).toBe(7);
  await keep("b", 11);
  expect(await take("b")).toBeNull();
  expect(await readdir(join(root, "cache"))).toHaveLength(1);
});
