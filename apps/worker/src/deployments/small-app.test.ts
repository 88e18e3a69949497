// A small app results in the same layer whether its files are part of the build's result, or are packed by the engine.

import { createHash } from "node:crypto";
import { sourceTar } from "@slipway/archive";
import { appOf, bundledBuildpacks, receiveResult, resultOf, slugTransform } from "@slipway/buildpacks";
import type { ByteStream } from "@slipway/core";
import { openEngine } from "@slipway/engine";
import { lacksEngine, newInstallation, packTarGz, testEngine } from "@slipway/testkit";
import { expect, test } from "vitest";

const signal = new AbortController().signal;
const mebibyte = 1024 ** 2;
/** Names that tools sort differently, links, an empty file, a pipe, and names that require extended headers. */
const compile = `#!/bin/bash
set -e
cd "$1"
mkdir a a.d b "ü x"
echo 1 >a/f && echo 2 >a.d/f && echo 3 >a-f && echo 4 >B && : >empty
ln a-f b/hard && ln -s /etc/passwd soft && mkfifo pipe
chmod 755 B && chmod 700 b
name=$(printf 'n%.0s' {1..150})
mkdir "$name-d" && echo 5 >"$name" && echo 6 >"$name-d/$name" && echo 7 >"ü x/é"
`;

test.skipIf(await lacksEngine())("a small app gives the same layer by both ways", async () => {
  await using opened = new AsyncDisposableStack();
  const { dockerHost, stackImage } = await testEngine();
  const { id: installationId } = opened.use(newInstallation());
  const engine = opened.use(openEngine({ installationId, dockerHost }));
  const buildpacks = bundledBuildpacks();
  const limits = { memoryBytes: 512 * mebibyte, cpus: 1, pids: 200, tmpfsBytes: 64 * mebibyte };
  const sandbox = opened.use(
    await engine.createSandbox(
      {
        image: stackImage,
        command: ["/bin/bash", "/work/runner/build"],
        environment: { BUILDPACKS: buildpacks.names.join(" ") },
        labels: {},
        limits: { ...limits, diskBytes: 100 * mebibyte },
      },
      signal,
    ),
  );
  await sandbox.upload("/work", await inlineSource(buildpacks.entries()), signal);
  const received = receiveResult();
  const events: string[] = [];
  const { exitCode } = await sandbox.run({
    onOutput: () => void events.push("output"),
    onError: received.write,
    onOutputEnd: () => void events.push("end"),
    signal,
  });
  expect(exitCode).toBe(0);
  expect(events.lastIndexOf("output")).toBeLessThan(events.indexOf("end"));
  const { app } = await resultOf(received.bytes());
  expect(app).not.toBeNull();
  const packed = await layerOf(await sandbox.download("/work/build", signal));
  expect(await layerOf(await appOf(app ?? new Uint8Array(), "build"))).toBe(packed);
});

async function inlineSource(extra: ReturnType<ReturnType<typeof bundledBuildpacks>["entries"]>) {
  const script = (text: string) => ({ kind: "file", mode: 0o755, content: text }) as const;
  const archive = await packTarGz({
    "app/bin/detect": script("#!/bin/sh\necho Mine\n"),
    "app/bin/compile": script(compile),
  });
  async function* bytes() {
    yield archive;
  }
  const sizes = { maxUnpackedBytes: mebibyte, maxEntries: 100 };
  return sourceTar(bytes(), { prefix: "build/", limits: sizes, extra, signal });
}

/** @returns the digest of the layer. */
async function layerOf(tar: ByteStream): Promise<string> {
  const options = { from: "build", folder: "", ignore: null, maxSizeBytes: mebibyte, mtime: new Date(0) };
  const hash = createHash("sha256");
  for await (const chunk of slugTransform(options)(tar)) hash.update(chunk);
  return hash.digest("hex");
}
