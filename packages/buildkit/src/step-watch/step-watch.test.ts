// Steps that fill the engine's disk, on a real engine.

import { randomUUID } from "node:crypto";
import { SlipwayError } from "@slipway/core";
import { connectDocker, findContainers, usageOf } from "@slipway/docker";
import { lacksEngine, newInstallation, packTar, testEngine } from "@slipway/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { openImageBuilder } from "../image-builder.ts";

const never = new AbortController().signal;
const limitBytes = 64 * 1024 ** 2;
/** The engine adds up what it stores for one test at a time. */
const timeoutMs = 120_000;

/** Builds these steps on the stack image with a small limit. @returns the error's code and message, or null. */
async function outcomeOf(steps: string, cacheScope = randomUUID().replaceAll("-", "")) {
  const { dockerHost, stackImage } = await testEngine();
  await using installation = newInstallation();
  using builder = openImageBuilder({ dockerHost });
  using connection = connectDocker({ dockerHost });
  const labels = { "io.slipway.installation": installation.id };
  const reference = `slipway-test-build/${randomUUID()}:1`;
  // The output of steps that ran before is not repeated.
  const text = `FROM ${stackImage}\nUSER 0\nENV UNIQUE=${reference}\n${steps}\n`;
  async function* context() {
    yield await packTar({ Dockerfile: text });
  }
  try {
    await builder.build(
      {
        reference,
        context: context(),
        dockerfile: "Dockerfile",
        target: null,
        arguments: {},
        secrets: {},
        cacheScope,
        labels: {},
        cgroupParent: null,
        steps: { diskBytes: limitBytes, watchImage: stackImage, labels },
      },
      { onOutput: () => undefined, onProgress: () => undefined, checkStep: () => undefined, signal: never },
    );
    return null;
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    return { code: error.code, message: error.message };
  } finally {
    await builder.remove(reference, null, never);
    expect(await findContainers(connection.docker, labels)).toEqual([]);
  }
}

/** Records of the engine's cache that are larger than the limit of this test. */
async function largeRecords(): Promise<readonly string[]> {
  const { dockerHost } = await testEngine();
  using connection = connectDocker({ dockerHost });
  const { BuildCache } = await usageOf(connection.docker, never);
  return (BuildCache ?? []).filter(({ Size, Shared }) => !Shared && Size > limitBytes).map(({ ID }) => ID);
}

const full = { code: "build-disk-full", message: expect.stringContaining("64 MiB (BUILD_DISK_MB)") };

describe.skipIf(await lacksEngine())("the steps of a Dockerfile", () => {
  let before: readonly string[] = [];
  beforeAll(async () => void (before = await largeRecords()));

  test.concurrent.for([
    ["a file larger than their disk", "RUN fallocate -l 20G /x; sleep 600"],
    ["as fast as they can", "RUN yes >/x"],
    ["a file of terabytes that is one hole", "RUN truncate -s 4T /x; sleep 600"],
    ["what a short step leaves", "RUN fallocate -l 100M /x"],
    ["several steps together", "RUN fallocate -l 40M /x\nRUN fallocate -l 40M /y\nRUN sleep 600"],
    ["a mounted cache", "RUN --mount=type=cache,target=/cache fallocate -l 100M /cache/x; sleep 600"],
    ["deleted files that are open", "RUN exec 5>/x; rm /x; dd if=/dev/zero bs=1M count=100 >&5; sleep 600"],
    ["very many empty files", "RUN mkdir /m; cd /m; seq 1 20000 | xargs touch; sleep 600"],
    [
      "in another root",
      'RUN mkdir /r; cp -r --parents /usr/bin/fallocate /bin /lib /lib64 /usr/lib/x86_64-linux-gnu/libc.so.6 /r; exec perl -e \'chroot "/r"; open($f, ">", "/x"); syswrite($f, "x" x 1048576) for 1 .. 100; sleep 600\'',
    ],
  ])("that write %s are ended", { timeout: timeoutMs }, async ([, steps = ""]) => {
    expect(await outcomeOf(steps)).toEqual(full);
  });

  test("that were ended leave nothing large in the engine's cache", async () => {
    expect((await largeRecords()).filter((id) => !before.includes(id))).toEqual([]);
  });

  test(
    "that write less are not ended, nor is the next build of an app whose cache was too large",
    async () => {
      const cacheScope = randomUUID().replaceAll("-", "");
      const mounting = "RUN --mount=type=cache,target=/cache fallocate -l 40M /cache/$(date +%N)";
      expect(await outcomeOf(mounting, cacheScope)).toBeNull();
      expect(await outcomeOf(mounting, cacheScope)).toEqual(full);
      expect(await outcomeOf(mounting, cacheScope)).toBeNull();
    },
    timeoutMs,
  );
});
