import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtempDisposable, readdir, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { unexpected } from "@slipway/testkit";
import { openTemporaryFolder } from "./temporary-folder.ts";

const openIn = (parent: string) => openTemporaryFolder({ parent, onError: unexpected });

/** A process that opens a folder, writes a file into it, and is killed. */
async function killedOwnerIn(parent: string): Promise<void> {
  const module = JSON.stringify(join(import.meta.dirname, "temporary-folder.ts"));
  const program = `
    const { openTemporaryFolder } = await import(${module});
    const { path } = await openTemporaryFolder({ parent: ${JSON.stringify(parent)}, onError: console.error });
    await (await import("node:fs/promises")).writeFile(path + "/source.tar.gz", "x");
    process.stdout.write("written");
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(owner.stdout, "data");
  owner.kill("SIGKILL");
  await once(owner, "close");
}

test("the folder is removed with its files when it is disposed of", async () => {
  await using parent = await mkdtempDisposable(join(tmpdir(), "slipway-test-"));
  {
    await using folder = await openIn(parent.path);
    await mkdir(join(folder.path, "cache"));
    await writeFile(join(folder.path, "cache", "file"), "x");
  }
  expect(await readdir(parent.path)).toEqual([]);
});

test("a worker that starts removes the folder of a killed one, and keeps those of others and other files", async () => {
  await using parent = await mkdtempDisposable(join(tmpdir(), "slipway-test-"));
  await using running = await openIn(parent.path);
  await writeFile(join(running.path, "kept"), "x");
  await mkdir(join(parent.path, "another"));
  await killedOwnerIn(parent.path);
  expect(await readdir(parent.path)).toHaveLength(3);
  await using started = await openIn(parent.path);
  const names = [running, started].map(({ path }) => path.slice(parent.path.length + 1));
  expect((await readdir(parent.path)).toSorted()).toEqual(["another", ...names].toSorted());
  expect(await readdir(running.path)).toContain("kept");
});

test("a folder without a socket is removed once it is older than a starting worker's", async () => {
  await using parent = await mkdtempDisposable(join(tmpdir(), "slipway-test-"));
  const [old, young] = ["slipway-tmp-old", "slipway-tmp-young"].map((name) => join(parent.path, name));
  await mkdir(old ?? "");
  await mkdir(young ?? "");
  await utimes(old ?? "", 1, 1);
  await using folder = await openIn(parent.path);
  const name = folder.path.slice(parent.path.length + 1);
  expect((await readdir(parent.path)).toSorted()).toEqual([name, "slipway-tmp-young"].toSorted());
});
