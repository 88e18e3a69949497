// Images named by the operator are pushed to a private registry, on the tests' engine.

import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lacksEngine, packTarGz, startRegistry, testEngine } from "@slipway/testkit";
import type { TestRegistry } from "@slipway/testkit";
import { answeringEngine } from "../engine/engine-connection.ts";
import type { Engine } from "../engine/engine-connection.ts";
import { imageId } from "../engine/engine-images.ts";
import { hasManifest } from "../services/registry.ts";
import { ensureStack } from "./stack.ts";
import type { GivenStack } from "./stack.ts";

const run = `slipway-test-stack:${randomBytes(6).toString("hex")}`;
const build = `slipway-test-stack-build:${randomBytes(6).toString("hex")}`;
const opened = new AsyncDisposableStack();
let engine: Engine;
let registry: TestRegistry;

describe.skipIf(await lacksEngine())("a stack that the operator names", () => {
  beforeAll(async () => {
    engine = await answeringEngine((await testEngine()).dockerHost);
    registry = opened.use(await startRegistry());
    for (const image of [run, build]) await importImage(image);
  });

  afterAll(() => opened.disposeAsync());

  test("STACK_IMAGE alone is pushed as the image of releases and of builds", async () => {
    const stack = await ensure({ stackImage: run });
    expect(stack.build).toBe(stack.run);
    await expectPushed(stack.run, run, "slipway/stack");
  });

  test("STACK_IMAGE and STACK_BUILD_IMAGE are pushed as the image of releases and that of builds", async () => {
    const stack = await ensure({ stackImage: run, stackBuildImage: build });
    await expectPushed(stack.run, run, "slipway/stack");
    await expectPushed(stack.build, build, "slipway/stack-build");
    expect(await ensure({ stackImage: run, stackBuildImage: build })).toEqual(stack);
  });

  test("an image of builds that cannot be pulled is reported with its variable", async () => {
    const missing = `${registry.host}/missing:1`;
    await expect(ensure({ stackImage: run, stackBuildImage: missing })).rejects.toThrow(
      `STACK_BUILD_IMAGE=${missing} is not in the engine and cannot be pulled`,
    );
  });
});

async function ensure(given: GivenStack) {
  const stack = await ensureStack(
    { dataDir: "/nowhere", engine, registryUrl: registry.url, given },
    () => undefined,
  );
  for (const image of new Set([stack.run, stack.build])) removeAtEnd(image);
  return stack;
}

async function expectPushed(reference: string, image: string, repository: string): Promise<void> {
  const id = (await imageId(engine.docker, image)) ?? "";
  const tag = id.slice("sha256:".length, "sha256:".length + 12);
  expect(reference).toBe(`${registry.host}/${repository}:${tag}`);
  expect(await hasManifest(registry.url, repository, tag)).toBe(true);
}

/** An image with one file, whose content is its name. */
async function importImage(image: string): Promise<void> {
  const tar = gunzipSync(await packTarGz({ name: image }));
  const [repo, tag] = image.split(":");
  const progress = await engine.docker.importImage(Readable.from([tar]), { repo, tag });
  await new Promise<void>((resolve, reject) =>
    engine.docker.modem.followProgress(progress, (error) => (error ? reject(error) : resolve())),
  );
  removeAtEnd(image);
}

function removeAtEnd(image: string): void {
  opened.defer(async () => {
    if ((await imageId(engine.docker, image)) !== undefined) await engine.docker.getImage(image).remove();
  });
}
