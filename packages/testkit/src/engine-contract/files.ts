// What a build engine promises about the files of a build.

import { expect, test } from "vitest";
import { label } from "@slipway/core";
import type { ByteStream } from "@slipway/core";
import { readEntries } from "@slipway/tar";
import { packTar } from "../pack-tar-gz.ts";
import { mebibyte, never, oneChunk, run, sandboxesOf } from "./under-test.ts";
import type { BuildsUnderTest } from "./under-test.ts";

export function buildFiles(underTest: BuildsUnderTest): void {
  transferredFiles(underTest);
  failedUploads(underTest);
}

function transferredFiles(underTest: BuildsUnderTest): void {
  const { engine } = underTest;
  const sandboxOf = sandboxesOf(underTest);

  test("files are uploaded to a build and downloaded from it", async () => {
    await using sandbox = await sandboxOf(
      "cd /work/build && cp b/two a-one && mkdir made && echo new >made/file",
    );
    const sent = await packTar({ "b/": "", "b/two": "second" });
    await sandbox.upload("/work/build", oneChunk(sent), never);
    expect((await run(sandbox)).exit.exitCode).toBe(0);
    const names = await tarNames(await sandbox.download("/work/build", never));
    expect(names).toEqual([
      "build/",
      "build/a-one",
      "build/b/",
      "build/b/two",
      "build/made/",
      "build/made/file",
    ]);
  });

  test.for([
    ["nothing", "true"],
    ["a regular file", "echo x >/work/build"],
    ["a symbolic link", "ln -s /proc/self/fd/8 /work/build"],
    ["a symbolic link", "ln -s /etc /work/build"],
    // Engines fail to inspect these two.
    ["a symbolic link", "ln -s build /work/build"],
    ["a symbolic link", "ln -s /etc/passwd/x /work/build"],
    ["a fifo", "mkfifo /work/build; chmod 0 /work"],
  ])("a build that leaves %s in place of a directory fails with build-failed: %s", async ([kind, script]) => {
    await using sandbox = await sandboxOf(script ?? "");
    await run(sandbox);
    await expect(sandbox.download("/work/build", never)).rejects.toMatchObject({
      code: "build-failed",
      message: `the build must leave a directory at /work/build, but left ${kind}`,
    });
  });

  test("a download from a removed container fails with engine-unavailable", async () => {
    await using sandbox = await sandboxOf("true", { labels: { [label.deployment]: "gone" } });
    await run(sandbox);
    await engine().removeSandboxes({ [label.deployment]: "gone" });
    await expect(sandbox.download("/work", never)).rejects.toMatchObject({ code: "engine-unavailable" });
  });
}

function failedUploads(underTest: BuildsUnderTest): void {
  const sandboxOf = sandboxesOf(underTest);

  test("a tar that cannot be unpacked is distinguished from an unavailable engine", async () => {
    await using sandbox = await sandboxOf("true");
    const sent = await packTar({
      "a/": "",
      "a/e": { kind: "symlink", target: "../../../etc" },
      "a/large": Buffer.alloc(4 * mebibyte),
    });
    await expect(sandbox.upload("/work", oneChunk(sent), never)).rejects.toMatchObject({
      code: "engine-refused",
    });
  });

  test("an upload whose tar stream fails rejects with the stream's error", async () => {
    await using sandbox = await sandboxOf("true");
    const sent = await packTar({ file: "x".repeat(5000) });
    const broken = (async function* () {
      yield sent.subarray(0, 1000);
      throw new Error("source ended early");
    })();
    await expect(sandbox.upload("/work", broken, never)).rejects.toThrow("source ended early");
  });

  test("an aborted upload rejects with its reason", async () => {
    await using sandbox = await sandboxOf("true");
    const abort = new AbortController();
    const endless = (async function* (): AsyncGenerator<Uint8Array> {
      abort.abort(new Error("stop requested"));
      await new Promise(() => undefined);
      yield Buffer.alloc(0);
    })();
    await expect(sandbox.upload("/work", endless, abort.signal)).rejects.toThrow("stop requested");
  });
}

async function tarNames(tar: ByteStream): Promise<string[]> {
  return Array.fromAsync(readEntries(tar, {}), ({ path }) => path);
}
