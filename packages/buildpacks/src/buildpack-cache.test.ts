// How the bundled buildpacks keep the caches of package managers.

import { mkdtempDisposable, mkdir, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { defaultStacksDir } from "./stack-files.ts";
import { runAsContainer } from "../test-support/container.ts";

const library = join(defaultStacksDir, "buildpacks/lib");

/** @param folders folders of the cache, each with one file. @returns the output, and the remaining folders. */
async function run(
  script: string,
  { folders = [], variables = {} }: Readonly<{ folders?: string[]; variables?: Record<string, string> }> = {},
) {
  await using cache = await mkdtempDisposable(join(tmpdir(), "buildpack-cache-"));
  for (const folder of folders) {
    await mkdir(join(cache.path, folder));
    await writeFile(join(cache.path, folder, "package"), Buffer.alloc(2 * 1024 ** 2));
  }
  const whole = `set -euo pipefail\nsource ${library}/output.sh\nsource ${library}/cache.sh\n${script}`;
  const { output, errors } = await runAsContainer(["/bin/bash", "-c", whole], {
    ...variables,
    CACHE: cache.path,
  });
  expect(errors).toBe("");
  return { output, kept: (await readdir(cache.path)).sort() };
}

test("a cache of the package manager is restored, and an empty one is not", async () => {
  const { output: restored } = await run("restore_cache uv", { folders: ["uv"] });
  expect(restored).toBe("-----> Restoring cache\n       Restored the cache of uv\n");
  const { output: absent } = await run('mkdir "$CACHE/uv"; restore_cache uv', { folders: ["npm"] });
  expect(absent).toContain("No cache to restore");
});

test("caches of other package managers are deleted, except those of an app with assets", async () => {
  const folders = ["bundler", "npm"];
  expect(await run("save_cache npm", { folders })).toEqual({
    output: "-----> Saving cache\n       3 MB kept for the next build\n",
    kept: ["npm"],
  });
  const { kept } = await run("save_cache npm", { folders, variables: { SLIPWAY_ASSETS: "installed" } });
  expect(kept).toEqual(folders);
});

test("a cache that is too large is deleted", async () => {
  const { output, kept } = await run("CACHE_MAX_MB=1; save_cache npm", { folders: ["npm"] });
  expect(output).toContain("The cache of npm was larger than 1 MB: the next build starts a new one");
  expect(kept).toEqual([]);
});
