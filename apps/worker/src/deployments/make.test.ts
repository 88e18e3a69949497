// What follows when a snapshot is removed. The engine is scripted, because on a real one only chance removes it in time.

import { notFound, SlipwayError } from "@slipway/core";
import { anApp, packTarGz } from "@slipway/testkit";
import { expect, test } from "vitest";
import type { Attempt } from "./attempt.ts";
import { make } from "./make.ts";
import type { MakeContext } from "./make.ts";
import { plan } from "./phases/plan.ts";

const images = { build: "build-image", run: "run-image" };
const signal = new AbortController().signal;
const integrity =
  "sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA==";
const dependencies = { ms: "2.1.3" };
const packages = {
  "": { name: "app", version: "1.0.0", dependencies },
  "node_modules/ms": {
    version: "2.1.3",
    resolved: "https://registry.npmjs.org/ms/-/ms-2.1.3.tgz",
    integrity,
  },
};

test("a build whose snapshot is removed before its start installs its dependencies itself", async () => {
  const { created, lines, error } = await madeWithout("snapshot");
  expect(created).toEqual(["snapshot", images.build]);
  expect(lines).toContain(
    " !     The dependencies of the build were removed meanwhile, so they are installed again",
  );
  expect(error).toMatchObject({ code: "engine-unavailable" });
});

/** Makes an app on an engine that finds the snapshot, refuses it, and is unavailable for every other image. */
async function madeWithout(snapshot: string) {
  const created: string[] = [];
  const lines: string[] = [];
  const limits = { sourceBytes: 1024 ** 2, sourceEntries: 100, imageBytes: 1024 ** 2 };
  const createSandbox = async ({ image }: { readonly image: string }) => {
    created.push(image);
    throw image === snapshot ? notFound("snapshot") : new SlipwayError("engine-unavailable", image);
  };
  const context = {
    engine: { findSnapshot: async () => snapshot, createSandbox },
    registry: { host: "registry", inspect: async () => ({ pinnedReference: "dependencies" }) },
    config: { stackImage: "stack", stackBuildImage: "stack-build", build: {}, limits },
    caBundle: null,
    catalogue: [],
  };
  const app = anApp();
  const attempt = {
    app,
    lease: {
      deployment: { appId: app.id, id: "d", attempt: 1, gitRef: null, createdAt: new Date() },
      phase: (_name: string, _log: unknown, work: (phase: object) => unknown) =>
        work({ addBytes: () => undefined, reuse: () => undefined }),
    },
    variables: {},
    log: { line: (line: string) => void lines.push(line) },
    signal,
  };
  const fetched = await sourceOf();
  const planned = await plan(
    {
      toolchains,
      catalogue: [],
      config: { limits, builders: ["buildpacks"], cnbBuilder: undefined, stackName: "stack" },
    },
    attempt,
    fetched,
  );
  const error: unknown = await make(context as unknown as MakeContext, attempt as unknown as Attempt, {
    fetched,
    plan: planned,
    former: null,
  }).catch((reason: unknown) => reason);
  return { created, lines, error };
}

const toolchain = { choose: async () => ({ lines: [], versions: {}, images: async () => images }) };
const toolchains = { nodejs: toolchain, python: toolchain, go: toolchain, php: toolchain, ruby: toolchain };

async function sourceOf() {
  const scripts = { build: "true", start: "node ." };
  const archive = await packTarGz({
    "app/package.json": JSON.stringify({ name: "app", version: "1.0.0", dependencies, scripts }),
    "app/package-lock.json": JSON.stringify({ name: "app", version: "1.0.0", lockfileVersion: 3, packages }),
  });
  const open = async () => ({
    async *[Symbol.asyncIterator]() {
      yield archive;
    },
    [Symbol.asyncDispose]: async () => {},
  });
  return { open, [Symbol.asyncDispose]: async () => {} };
}
