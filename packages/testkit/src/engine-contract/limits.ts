// What a build engine promises about the limits of a build.

import { expect, test } from "vitest";
import { packTar } from "../pack-tar-gz.ts";
import { mebibyte, never, oneChunk, ownFolder, run, sandboxesOf, spec } from "./under-test.ts";
import type { BuildsUnderTest } from "./under-test.ts";

export function limitedBuilds(underTest: BuildsUnderTest): void {
  const { engine } = underTest;
  const sandboxOf = sandboxesOf(underTest);

  test("an engine reports its processors and memory", async () => {
    const capacity = await engine().capacity();
    expect(capacity.cpus).toBeGreaterThan(0);
    expect(capacity.memoryBytes).toBeGreaterThan(mebibyte);
  });

  test("a file cannot be larger than the disk limit", async () => {
    await using sandbox = await sandboxOf("fallocate -l 20G /work/x; truncate -s 4T /work/x; exit 3", {
      limits: { ...spec("", "").limits, diskBytes: 8 * mebibyte },
    });
    const { exit, text } = await run(sandbox);
    expect(exit).toEqual({ exitCode: 3, outOfMemory: false, diskFull: false });
    expect(text.match(/File size limit exceeded/g)).toHaveLength(2);
  });

  test("sparse files are not read beyond the disk limit", async () => {
    await using sandbox = await sandboxOf("cd /work/build; truncate -s 8M a b c", {
      limits: { ...spec("", "").limits, diskBytes: 8 * mebibyte },
    });
    await sandbox.upload("/work/build", oneChunk(await packTar({})), never);
    expect((await run(sandbox)).exit).toEqual({ exitCode: 0, outOfMemory: false, diskFull: false });
    let readBytes = 0;
    const read = async (): Promise<void> => {
      for await (const bytes of await sandbox.download("/work/build", never)) readBytes += bytes.length;
    };
    await expect(read()).rejects.toMatchObject({ code: "build-disk-full" });
    expect(readBytes).toBeLessThanOrEqual(8 * mebibyte);
  });

  test("memory is limited, and exceeding the limit is reported although the build continues", async () => {
    await using sandbox = await sandboxOf("perl -e '$x = \"a\" x (400 * 1024 ** 2)'; exit 3");
    expect((await run(sandbox)).exit).toEqual({ exitCode: 3, outOfMemory: true, diskFull: false });
  });

  test.for([
    ["written", "dd if=/dev/zero of=/work/large bs=1M count=64; sleep 600"],
    [
      "deleted, but held open",
      "exec 5>/work/gone; rm /work/gone; dd if=/dev/zero bs=1M count=64 >&5; sleep 600",
    ],
    [
      "in an unreadable folder",
      "mkdir /work/m; dd if=/dev/zero of=/work/m/f bs=1M count=64; chmod 0 /work/m; sleep 600",
    ],
    ["of its cache", "dd if=/dev/zero of=/work/cache/large bs=1M count=64; sleep 600"],
    ["outside of /work", "dd if=/dev/zero of=/var/tmp/large bs=1M count=64; sleep 600"],
    ["empty, but very many", "mkdir /work/m; cd /work/m; seq 1 20000 | xargs touch; sleep 600"],
  ])("a build that fills its disk with files %s is ended", async ([, script]) => {
    await using sandbox = await sandboxOf(script ?? "", {
      limits: { ...spec("", "").limits, diskBytes: 32 * mebibyte },
    });
    await sandbox.upload("/work", oneChunk(await packTar({ "cache/": ownFolder })), never);
    expect((await run(sandbox)).exit).toMatchObject({ diskFull: true });
  });
}
