// Steps that fill the engine's disk, on a real engine.

import { randomUUID } from "node:crypto";
import { SlipwayError } from "@slipway/core";
import type { ImageBuild } from "@slipway/core";
import { connectDocker, findContainers, removeContainer, usageOf } from "@slipway/docker";
import { eventually, lacksEngine, newInstallation, startEngineProxy, testEngine } from "@slipway/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { aBuild } from "../../test-support/a-build.ts";
import { openImageBuilder } from "../image-builder.ts";
import { engineTime, removeResults } from "./remove-results.ts";

const never = new AbortController().signal;
const limitBytes = 64 * 1024 ** 2;
/** The engine computes disk usage for one test at a time. */
const timeoutMs = 120_000;

interface Changes {
  readonly cacheScope?: string;
  /** Replaces the engine's address. */
  readonly dockerHost?: string;
  readonly watchImage?: string;
  /** Runs before the image is removed. */
  readonly whenBuilt?: (reference: string) => Promise<void>;
}

/**
 * Builds these steps on the stack image with a small limit.
 * @returns the error's code and message, or null; with `failures`, the failures reported after the build.
 */
async function resultOf(steps: string, changes: Changes = {}) {
  const { dockerHost, stackImage } = await testEngine();
  const { cacheScope = randomUUID().replaceAll("-", ""), watchImage = stackImage, whenBuilt } = changes;
  await using installation = newInstallation();
  const failures: string[] = [];
  const onError = (_: unknown, message: string) => void failures.push(message);
  using builder = openImageBuilder({ dockerHost: changes.dockerHost ?? dockerHost, onError });
  using connection = connectDocker({ dockerHost });
  const labels = { "io.slipway.installation": installation.id };
  const reference = `slipway-test-build/${randomUUID()}:1`;
  // A unique value, because the output of cached steps is not repeated.
  const text = `FROM ${stackImage}\nUSER 0\nENV UNIQUE=${reference}\n${steps}\n`;
  const build: ImageBuild = {
    ...aBuild({ Dockerfile: text, "folder/file": "content" }, watchImage),
    reference,
    cacheScope,
    steps: { diskBytes: limitBytes, watchImage, labels },
  };
  try {
    await builder.build(build, {
      onOutput: () => undefined,
      onProgress: () => undefined,
      checkStep: () => undefined,
      signal: never,
    });
    await whenBuilt?.(reference);
    return { outcome: null, failures };
  } catch (error) {
    if (!(error instanceof SlipwayError)) throw error;
    return { outcome: { code: error.code, message: error.message }, failures };
  } finally {
    await builder.remove(reference, null, never);
    // The engine refused to remove the results.
    if (failures.length > 0)
      for (const { Id } of await findContainers(connection.docker, labels))
        await removeContainer(connection.docker, Id);
    // The engine removes an ended container by itself.
    await eventually(async () => (await findContainers(connection.docker, labels)).length === 0);
  }
}

async function outcomeOf(steps: string, changes: Changes = {}) {
  const { outcome, failures } = await resultOf(steps, changes);
  expect(failures).toEqual([]);
  return outcome;
}

/** Builds the steps, with this script as the watch's file counter. */
async function outcomeWithCounter(script: string) {
  const results: Awaited<ReturnType<typeof outcomeOf>>[] = [];
  await outcomeOf(`RUN printf '#!/bin/sh\\n%s\\n' '${script}' >/usr/bin/du`, {
    whenBuilt: async (watchImage) => void results.push(await outcomeOf("RUN echo x >/x", { watchImage })),
  });
  return results[0];
}

/** Records of the engine's cache that are larger than this test's limit. */
async function largeRecords(): Promise<readonly string[]> {
  const { dockerHost } = await testEngine();
  using connection = connectDocker({ dockerHost });
  const { BuildCache } = await usageOf(connection.docker, never);
  // The base image of the steps is not one of their results.
  const results = (BuildCache ?? []).filter(({ Description }) => Description.includes(" from exec "));
  // An engine may keep a result in use for good when its build is ended while the image is exported (docs/security.md).
  return results
    .filter(({ Size, Shared, InUse }) => !Shared && !InUse && Size > limitBytes)
    .map(({ ID }) => ID);
}

/** A proxy of the engine that refuses matching requests. */
async function refusing(pattern: RegExp) {
  const { dockerHost } = await testEngine();
  return await startEngineProxy(dockerHost, {
    refuse: (request) => (pattern.test(request) ? { status: 500, message: "refused" } : undefined),
  });
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
    [
      "on eighty layers",
      `${Array.from({ length: 80 }, (_, index) => `COPY folder /${index}`).join("\n")}\nRUN fallocate -l 100M /x; sleep 600`,
    ],
    [
      "into a folder of the context",
      "RUN --mount=type=bind,rw,source=folder,target=/m fallocate -l 100M /m/x; sleep 600",
    ],
    ["deleted files that are open", "RUN exec 5>/x; rm /x; dd if=/dev/zero bs=1M count=100 >&5; sleep 600"],
    ["very many empty files", "RUN mkdir /m; cd /m; seq 1 20000 | xargs touch; sleep 600"],
    [
      "in another root",
      'RUN mkdir /r; cp -r --parents /usr/bin/fallocate /bin /lib /lib64 /usr/lib/x86_64-linux-gnu/libc.so.6 /r; exec perl -e \'chroot "/r"; open($f, ">", "/x"); syswrite($f, "x" x 1048576) for 1 .. 100; sleep 600\'',
    ],
  ])("the steps of a Dockerfile that write %s are ended", { timeout: timeoutMs }, async ([, steps = ""]) => {
    expect(await outcomeOf(steps)).toEqual(full);
  });

  test.concurrent.for([
    ["does not end in time", "exec sleep 600"],
    ["is killed", "kill -9 $$"],
  ])(
    "the steps of a Dockerfile whose files cannot be counted because the count %s are ended with that reason",
    { timeout: timeoutMs },
    async ([, script = ""]) => {
      expect(await outcomeWithCounter(script)).toEqual({
        code: "build-disk-full",
        message: expect.stringContaining("could not be measured in time"),
      });
    },
  );

  test("steps that were ended leave nothing large in the engine's cache", async () => {
    expect((await largeRecords()).filter((id) => !before.includes(id))).toEqual([]);
  });

  test(
    "steps that were ended do not remove the results of other builds",
    async () => {
      const text = randomUUID();
      const ended = outcomeOf("RUN sleep 3; fallocate -l 100M /x; sleep 600");
      expect(await outcomeOf(`RUN echo ${text}`)).toBeNull();
      expect(await ended).toEqual(full);
      const { dockerHost } = await testEngine();
      using connection = connectDocker({ dockerHost });
      const { BuildCache } = await usageOf(connection.docker, never);
      expect((BuildCache ?? []).filter(({ Description }) => Description.includes(text))).toHaveLength(1);
    },
    timeoutMs,
  );

  test(
    "steps within the disk limit are not ended, nor is the next build of an app whose cache was too large",
    async () => {
      const cacheScope = randomUUID().replaceAll("-", "");
      const mounting = "RUN --mount=type=cache,target=/cache fallocate -l 40M /cache/$(date +%N)";
      expect(await outcomeOf(mounting, { cacheScope })).toBeNull();
      expect(await outcomeOf(mounting, { cacheScope })).toEqual(full);
      expect(await outcomeOf(mounting, { cacheScope })).toBeNull();
    },
    timeoutMs,
  );

  test(
    "steps that wrote too much are the reason even if the engine refuses to remove their files",
    async () => {
      const { dockerHost } = await testEngine();
      using connection = connectDocker({ dockerHost });
      const startedAt = await engineTime(connection.docker, never);
      await using proxy = await refusing(/^POST \/build\/prune/);
      try {
        expect(
          await resultOf("RUN fallocate -l 100M /y\nRUN sleep 600", { dockerHost: proxy.dockerHost }),
        ).toEqual({ outcome: full, failures: ["cannot remove from the engine what a build wrote"] });
      } finally {
        const commands = new Set(["/bin/sh -c fallocate -l 100M /y"]);
        await removeResults(connection.docker, { since: startedAt, commands }, never);
      }
    },
    timeoutMs,
  );

  test(
    "steps fail for their own reason even if the engine refuses to remove the container that measured them",
    async () => {
      await using proxy = await refusing(/^DELETE \/containers\//);
      expect(await resultOf("RUN exit 3", { dockerHost: proxy.dockerHost })).toEqual({
        outcome: expect.objectContaining({ code: "build-failed" }),
        failures: ["cannot remove the watch of a build's steps"],
      });
    },
    timeoutMs,
  );
});
