// Building the console: once, again after a change, and small enough for a first visit.

import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ensureConsole } from "./console-build.ts";
import { repositoryRoot } from "./repository.ts";

const dist = join(repositoryRoot, "apps/console/dist");
const maxFirstLoadBytes = 200_000;

test("the console is built once for its sources, and its first load has at most 200 kB", async () => {
  await ensureConsole(() => undefined);
  const { mtimeMs } = await stat(join(dist, "built-from"));
  const lines: string[] = [];
  await ensureConsole((line) => lines.push(line));
  expect([lines, (await stat(join(dist, "built-from"))).mtimeMs]).toEqual([[], mtimeMs]);

  const page = await readFile(join(dist, "index.html"), "utf8");
  expect(page).not.toMatch(/<script(?![^>]*\ssrc=)/);
  expect(page).not.toMatch(/(?:src|href)="https?:/);
  const loaded = Array.from(page.matchAll(/assets\/([\w.-]+\.(?:js|css))"/g), ([, name = ""]) => name);
  expect(loaded.length).toBeGreaterThan(1);
  const names = await readdir(join(dist, "assets"));
  for (const name of loaded) expect(names).toEqual(expect.arrayContaining([`${name}.br`, `${name}.gz`]));
  const sizes = await Promise.all(loaded.map((name) => stat(join(dist, "assets", `${name}.gz`))));
  expect(sizes.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(maxFirstLoadBytes);
});
