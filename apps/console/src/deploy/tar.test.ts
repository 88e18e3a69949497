// The archive that the browser packs, read by the tar of the system.

import { execFile } from "node:child_process";
import { mkdtemp, rm, stat, writeFile, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { gzipOf, tarOf } from "./tar.ts";

const run = promisify(execFile);

test("tar extracts the files with their contents, modes and long names", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-tar-"));
  try {
    const long = `app/${"folder/".repeat(20)}文.txt`;
    const archive = tarOf([
      { path: "app/empty", content: new Blob([]) },
      { path: "app/bin/run", content: new Blob(["#!/bin/sh\n"]), executable: true },
      { path: long, content: new Blob(["x".repeat(1_025)]) },
    ]);
    const path = join(folder, "app.tar.gz");
    await writeFile(path, new Uint8Array(await (await gzipOf(archive)).arrayBuffer()));
    await run("tar", ["-xzf", path, "-C", folder]);
    expect((await readFile(join(folder, long))).length).toBe(1_025);
    expect((await stat(join(folder, "app/empty"))).size).toBe(0);
    expect((await stat(join(folder, "app/bin/run"))).mode & 0o111).toBe(0o111);
  } finally {
    await rm(folder, { recursive: true });
  }
});
