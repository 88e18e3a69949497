import { describe, expect, test } from "vitest";
import type { NodePlan, PhpPlan } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import { packTarGz, refusal } from "@slipway/testkit";
import type { LanguageToolchain } from "../language-toolchains.ts";
import { plan } from "./plan.ts";

const limits = { sourceBytes: 1024 ** 2, sourceEntries: 100 };
const nodeApp = { "app/package.json": '{"scripts":{"start":"node ."}}' };
const inlineApp = { ...nodeApp, "app/bin/detect": "x", "app/bin/compile": "x" };

async function failing(
  code: "configuration-invalid" | "toolchain-unavailable" | "build-failed",
): Promise<never> {
  throw new SlipwayError(code, "there is no Node.js");
}

const other = { choose: () => failing("toolchain-unavailable") };

async function planned(
  files: Readonly<Record<string, string>>,
  nodejs: LanguageToolchain<NodePlan>,
  php: LanguageToolchain<PhpPlan> = other,
) {
  const lines: string[] = [];
  const archive = await packTarGz(files);
  const open = async () => ({
    async *[Symbol.asyncIterator]() {
      yield archive;
    },
    [Symbol.asyncDispose]: async () => {},
  });
  const log = { line: (line: string) => void lines.push(line) };
  const attempt = {
    app: { builder: "auto" as const, builderImage: null },
    variables: {},
    lease: { deployment: { appId: "app", id: "deployment", attempt: 1 } },
    signal: new AbortController().signal,
    log,
  };
  const context = {
    toolchains: { nodejs, python: other, go: other, php, ruby: other },
    catalogue: [],
    config: { limits, builders: ["buildpacks" as const], cnbBuilder: undefined, stackName: "stack" },
  };
  return { plan: await plan(context, attempt, { open }), lines };
}

const images = { build: "build-image", run: "run-image" };
const lines = ["-----> Using Node.js 24.1.0"];
const versions = { node: "24.1.0" };
const none = { layers: [], path: [] };
const toolchains = { build: none, run: none };

test("a Node.js app is planned with the images of its toolchain, and the log says which", async () => {
  const found = await planned(nodeApp, {
    choose: async () => ({ lines, versions, toolchains, images: async () => images }),
  });
  expect(found.plan.language).toMatchObject({ images, versions });
  expect(found.lines).toContain("-----> Using Node.js 24.1.0");
});

describe.each(["configuration-invalid", "toolchain-unavailable", "build-failed"] as const)("%s", (code) => {
  test.each<[string, LanguageToolchain<NodePlan>]>([
    ["the choice", { choose: () => failing(code) }],
    ["the images", { choose: async () => ({ lines, versions, toolchains, images: () => failing(code) }) }],
  ])(
    "a failure of %s fails a Node.js app, and not an app that may be its own buildpack",
    async (_of, toolchain) => {
      expect(await refusal(planned(nodeApp, toolchain))).toBe(`${code}: there is no Node.js`);
      const inline = await planned(inlineApp, toolchain);
      expect(inline.plan.language).toBeNull();
      expect(inline.lines.at(-1)).toBe(" !     Node.js is not part of this build: there is no Node.js");
    },
  );
});

test("a version of Node.js for assets that is not available is an error with the way to build the app without it", async () => {
  const phpApp = {
    "app/index.php": "<?php",
    "app/package.json": '{"scripts":{"build":"vite build"}}',
    "app/package-lock.json": '{"lockfileVersion":3,"packages":{"":{}}}',
  };
  const php = { choose: async () => ({ lines, versions, toolchains, images: async () => images }) };
  expect(await refusal(planned(phpApp, { choose: () => failing("build-failed") }, php))).toBe(
    "build-failed: there is no Node.js\nThe language of this app is PHP: DISABLE_NODE_ASSETS=1 leaves Node.js out of its build.",
  );
  expect(await refusal(planned(phpApp, { choose: () => failing("toolchain-unavailable") }, php))).toBe(
    "toolchain-unavailable: there is no Node.js",
  );
});
