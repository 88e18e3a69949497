// Which pnpm, yarn or bun an app gets.

import { afterAll, beforeAll, expect, test } from "vitest";
import { packTarGz, refusal, startNpmRegistry } from "@slipway/testkit";
import type { TestNpmRegistry } from "@slipway/testkit";
import type { NodeSources } from "./node-versions.ts";
import { resolvePackageManager } from "./package-managers.ts";
import type { PackageManagerRequirement } from "./package-managers.ts";
import { openTestNpm, versions } from "../test-support/sources.ts";

const { signal } = new AbortController();
const pnpmBin = { pnpm: "bin/pnpm.cjs", pnpx: "bin/pnpx.cjs" };
const yarnBin = { yarn: "bin/yarn.js", yarnpkg: "bin/yarn.js" };
const sha512 = "ab".repeat(64);
let server: TestNpmRegistry;
let sources: NodeSources;

beforeAll(async () => {
  const tarball = await packTarGz({ "package/package.json": "{}" });
  const pnpm = (node: string) => ({ tarball, node, bin: pnpmBin });
  const program = { tarball, node: ">=18", bin: { pnpm: "pnpm", pnpx: "pnpx" } };
  server = await startNpmRegistry({
    pnpm: {
      ...versions(["6.35.1", "7.33.7", "8.15.9", "9.1.0", "9.15.9"], pnpm(">=14")),
      ...versions(["10.20.0"], pnpm(">=18.12")),
      ...versions(["11.9.0"], pnpm(">=22.13")),
      "12.1.0": { ...program, optionalDependencies: { "@pnpm/exe.linux-x64": "12.1.0" } },
      "13.0.0-alpha.1": program,
    },
    yarn: versions(["0.28.4", "1.22.21", "1.22.22", "2.4.3"], { tarball, bin: yarnBin }),
    "@yarnpkg/cli-dist": {
      ...versions(["2.4.3", "3.0.2", "3.1.1", "3.8.7"], { tarball, bin: yarnBin }),
      ...versions(["4.0.2", "4.13.0", "4.14.1", "4.18.1"], { tarball, node: ">=18.12.0", bin: yarnBin }),
    },
    "@oven/bun-linux-x64-baseline": versions(["1.1.0", "1.4.5"], { tarball }),
    "@oven/bun-linux-aarch64": versions(["1.3.0"], { tarball }),
  });
  const clock = { time: new Date("2026-11-01T12:00:00Z") };
  sources = { npm: openTestNpm(server.url, clock), now: () => clock.time, architecture: "x64" };
});
afterAll(() => server[Symbol.asyncDispose]());

test.each([
  [{ name: "pnpm" }, "pnpm", "12.1.0"],
  [{ name: "pnpm", wanted: "9.1.0" }, "pnpm", "9.1.0"],
  [{ name: "pnpm", wanted: "^9.0.0" }, "pnpm", "9.15.9"],
  [{ name: "pnpm", lockfileVersion: "9.0" }, "pnpm", "10.20.0"],
  [{ name: "pnpm", wanted: ">=11", lockfileVersion: "9.0" }, "pnpm", "12.1.0"],
  [{ name: "pnpm", lockfileVersion: "6.0" }, "pnpm", "8.15.9"],
  [{ name: "pnpm", lockfileVersion: "5.4" }, "pnpm", "7.33.7"],
  [{ name: "pnpm", lockfileVersion: "5.3" }, "pnpm", "6.35.1"],
  [{ name: "pnpm", lockfileVersion: "99.0" }, "pnpm", "12.1.0"],
  [{ name: "pnpm", wanted: ">=7", lockfileVersion: "6.0" }, "pnpm", "8.15.9"],
  [{ name: "pnpm", wanted: "10", lockfileVersion: "6.0" }, "pnpm", "10.20.0"],
  [{ name: "pnpm", wanted: "11 || 10", nodeVersion: "20.19.0" }, "pnpm", "10.20.0"],
  [{ name: "pnpm", nodeVersion: "16.20.2" }, "pnpm", "9.15.9"],
  [{ name: "yarn" }, "@yarnpkg/cli-dist", "4.18.1"],
  [{ name: "yarn", lockfileVersion: "1" }, "yarn", "1.22.22"],
  [{ name: "yarn", wanted: "1" }, "yarn", "1.22.22"],
  [{ name: "yarn", wanted: "1.22.21" }, "yarn", "1.22.21"],
  [{ name: "yarn", wanted: "2.4.3" }, "@yarnpkg/cli-dist", "2.4.3"],
  [{ name: "yarn", wanted: "3" }, "@yarnpkg/cli-dist", "3.8.7"],
  [{ name: "yarn", lockfileVersion: "4" }, "@yarnpkg/cli-dist", "3.0.2"],
  [{ name: "yarn", lockfileVersion: "5" }, "@yarnpkg/cli-dist", "3.1.1"],
  [{ name: "yarn", lockfileVersion: "6" }, "@yarnpkg/cli-dist", "3.8.7"],
  [{ name: "yarn", lockfileVersion: "8" }, "@yarnpkg/cli-dist", "4.13.0"],
  [{ name: "yarn", lockfileVersion: "9" }, "@yarnpkg/cli-dist", "4.14.1"],
  [{ name: "yarn", lockfileVersion: "10" }, "@yarnpkg/cli-dist", "4.18.1"],
  [{ name: "yarn", nodeVersion: "16.20.2" }, "@yarnpkg/cli-dist", "3.8.7"],
  [{ name: "bun" }, "@oven/bun-linux-x64-baseline", "1.4.5"],
  [{ name: "bun", wanted: "1.1.0" }, "@oven/bun-linux-x64-baseline", "1.1.0"],
] as const)("%j is package %s %s", async (requirement, name, version) => {
  const chosen = await resolve(requirement);
  expect(chosen.package).toEqual({ name, version });
  expect(chosen.version).toBe(version);
});

test("a choice has its commands, its hash and the log's lines", async () => {
  const hash = { algorithm: "sha512", hex: sha512 } as const;
  const wantedIn = "packageManager of package.json";
  expect(await resolve({ name: "pnpm", wanted: "9.1.0", wantedIn, hash })).toEqual({
    name: "pnpm",
    version: "9.1.0",
    package: { name: "pnpm", version: "9.1.0" },
    commands: pnpmBin,
    hash,
    lines: ["packageManager of package.json: pnpm 9.1.0", "pnpm 9.1.0"],
    warnings: [],
  });
});

test("pnpm 12 comes with its program, and bun is the package of the architecture", async () => {
  expect((await resolve({ name: "pnpm" })).program).toEqual({
    name: "@pnpm/exe.linux-x64",
    version: "12.1.0",
  });
  expect((await resolve({ name: "pnpm", wanted: "9" })).program).toBeUndefined();
  const onArm = { ...sources, architecture: "arm64" } as const;
  const bun = await resolvePackageManager(onArm, { name: "bun", nodeVersion: "24.2.0" }, signal);
  expect(bun.package).toEqual({ name: "@oven/bun-linux-aarch64", version: "1.3.0" });
  expect(bun.commands).toEqual({ bun: "bin/bun", bunx: "bin/bun" });
});

test.each([
  [
    { name: "pnpm", wanted: "newest" },
    'build-failed: "newest" (the app) is neither a version of pnpm nor a range of versions.',
  ],
  [
    { name: "yarn", wanted: "9.9.9" },
    'build-failed: No yarn version fits "9.9.9" (the app). The npm registry lists those there are.',
  ],
  [
    { name: "pnpm", wanted: "11.9.0", nodeVersion: "20.19.0" },
    'build-failed: No pnpm version fits both "11.9.0" (the app) and Node.js 20.19.0.\npnpm 11.9.0 needs Node.js >=22.13.',
  ],
] as const)("%j is rejected", async (requirement, message) => {
  expect(await refusal(resolve(requirement))).toBe(message);
});

function resolve(
  requirement: Omit<PackageManagerRequirement, "nodeVersion"> & { readonly nodeVersion?: string },
) {
  return resolvePackageManager(sources, { nodeVersion: "24.2.0", ...requirement }, signal);
}
