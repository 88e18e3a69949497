// The toolchain of Python apps, from a test's own index and mirror on real HTTP.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BlobStore } from "@slipway/core";
import { readEntries } from "@slipway/tar";
import { packTarGz, refusal } from "@slipway/testkit";
import { memoryBlobs } from "../test-support/sources.ts";
import { zipOf } from "../test-support/zip.ts";
import type { LayerPlan } from "./layer-plans.ts";
import { openPythonIndex } from "./python-index.ts";
import { pythonToolchains } from "./python-layers.ts";
import { openPythonMirror } from "./python-mirror.ts";
import { resolvePython, resolveUv } from "./python-versions.ts";
import { layerTar } from "./toolchain-layer.ts";

const { signal } = new AbortController();
const now = () => new Date("2026-11-01T12:00:00Z");
const any = { wanted: "", wantedIn: "the default", range: "*" };
const wheelName = (version: string, platform = "manylinux_2_17_x86_64.manylinux2014_x86_64") =>
  `uv-${version}-py3-none-${platform}.whl`;
const archiveName = (version: string, machine = "x86_64") =>
  `cpython-${version}+20241219-${machine}-unknown-linux-gnu-install_only_stripped.tar.gz`;
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

let blobs: BlobStore;
let server: Server;
let url: string;
let answers: Map<string, string | Buffer>;
let wheel: Buffer;
let archive: Buffer;

beforeEach(async () => {
  blobs = memoryBlobs();
  wheel = zipOf([
    ["uv/__init__.py", ""],
    ["uv-0.9.2.data/scripts/uv", "the program"],
    ["uv-0.9.2.data/scripts/uvx", "another"],
    ["uv-0.9.2.dist-info/licenses/LICENSE-MIT", "license"],
  ]);
  archive = await packTarGz({
    "python/bin/python3.12": { content: "python", mode: 0o755 },
    "python/bin/python3": { kind: "symlink", target: "python3.12" },
    "python/lib/python3.12/os.py": "os",
    "python/lib/python3.12/test/x.py": "test",
    "python/share/man/python.1": "manual",
  });
  answers = new Map<string, string | Buffer>([
    ["/files/uv.whl", wheel],
    [`/mirror/${archiveName("3.12.8")}`, archive],
    [
      "/mirror/SHA256SUMS",
      sums({ [archiveName("3.12.8")]: archive, [archiveName("3.13.1", "aarch64")]: archive }),
    ],
  ]);
  server = createServer((request, response) => {
    const answer = answers.get(decodeURIComponent(request.url ?? ""));
    response.writeHead(answer === undefined ? 404 : 200).end(answer);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const file = (filename: string, more = {}) => ({
    filename,
    url: "/files/uv.whl",
    hashes: { sha256: sha256(wheel) },
    ...more,
  });
  answers.set(
    "/simple/uv/",
    JSON.stringify({
      files: [
        file(wheelName("0.9.2")),
        file(wheelName("0.9.10", "musllinux_1_1_x86_64")),
        file(wheelName("0.9.3"), { yanked: "broken" }),
        file(wheelName("0.9.4"), { hashes: {} }),
        file(wheelName("0.8.1")),
        file("uv-0.9.9.tar.gz"),
      ],
    }),
  );
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

function sums(files: Readonly<Record<string, Buffer>>): string {
  return Object.entries(files)
    .map(([name, bytes]) => `${sha256(bytes)}  ${name}\n`)
    .join("");
}

function sources(stackVersion: string | null = "3.11.2", mirrored = true) {
  const onError = (error: unknown): never => {
    throw error;
  };
  const kept = { blobs, now, onError };
  return {
    index: openPythonIndex({ ...kept, url: `${url}/simple/` }),
    mirror: mirrored ? openPythonMirror({ ...kept, url: `${url}/mirror` }) : null,
    stackVersion,
    architecture: "x64" as const,
  };
}

async function contentOf(plan: LayerPlan | undefined): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const entry of readEntries(layerTar(plan as LayerPlan, signal), {})) {
    if (entry.kind === "directory") continue;
    const content = entry.kind === "symlink" ? `-> ${entry.target}` : await text(entry.body);
    files[entry.path] = `${entry.mode.toString(8)} ${content}`;
  }
  return files;
}

test("uv is the newest wheel for the machine that has a checksum and was not withdrawn, within the app's range", async () => {
  expect((await resolveUv(sources(), "*", signal)).version).toBe("0.9.2");
  expect((await resolveUv(sources(), "<0.9.0", signal)).version).toBe("0.8.1");
  expect(await refusal(resolveUv(sources(), ">1.0.0", signal))).toContain(
    "build-failed: No version of uv fits",
  );
});

test("an index that answers in HTML is read, too", async () => {
  const link = (name: string, more = "") =>
    `<a href="../../files/uv.whl#sha256=${sha256(wheel)}" ${more}>${name}</a><br/>`;
  answers.set(
    "/simple/uv/",
    `<!DOCTYPE html>${link(wheelName("0.9.2"))}${link(wheelName("0.9.3"), "data-yanked")}`,
  );
  const uv = await resolveUv(sources(), "*", signal);
  expect(uv.wheel).toEqual({ name: wheelName("0.9.2"), url: `${url}/files/uv.whl`, sha256: sha256(wheel) });
});

test("the stack's Python is used if it fits, else the newest of the mirror for the machine", async () => {
  expect(await resolvePython(sources(), any, signal)).toEqual({ version: "3.11.2", mirrored: null });
  const requirement = { wanted: "3.12", wantedIn: ".python-version", range: "3.12.x" };
  expect(await resolvePython(sources(), requirement, signal)).toMatchObject({ version: "3.12.8" });
  expect(await resolvePython(sources(null), any, signal)).toMatchObject({ version: "3.12.8" });
});

test("while index and mirror do not respond, the last answers are used, also those of another process", async () => {
  const requirement = { wanted: "3.12", wantedIn: ".python-version", range: "3.12.x" };
  const chosen = async () => [
    await resolvePython(sources(), requirement, signal),
    await resolveUv(sources(), "*", signal),
  ];
  const before = await chosen();
  answers.clear();
  expect(await chosen()).toEqual(before);
  blobs = memoryBlobs();
  expect(await refusal(chosen())).toMatch(/^toolchain-unavailable: The mirror of Python .* does not provide/);
});

test("a version that is not available is refused with those that are, and the setting", async () => {
  const requirement = { wanted: "3.13", wantedIn: ".python-version", range: "3.13.x" };
  expect(await refusal(resolvePython(sources(), requirement, signal))).toMatch(
    /^build-failed: Python 3\.13 \(\.python-version\) is not available\. Available: 3\.12\.8, 3\.11\.2\.\n.*PYTHON_MIRROR/,
  );
  expect(await refusal(resolvePython(sources("3.11.2", false), requirement, signal))).toContain(
    "Available: 3.11.2.",
  );
  expect(await refusal(resolvePython(sources(null, false), requirement, signal))).toMatch(
    /^configuration-invalid: /,
  );
});

test("builds have uv, and a Python of the mirror is the same layer in builds and releases", async () => {
  const parts = sources();
  const requirement = { wanted: "3.12", wantedIn: ".python-version", range: "3.12.x" };
  const versions = {
    python: await resolvePython(parts, requirement, signal),
    uv: await resolveUv(parts, "*", signal),
  };
  const { build, run } = pythonToolchains(parts, versions);
  expect(run.layers.map(({ key }) => key)).toEqual([build.layers[0]?.key]);
  expect(run.path).toEqual(["/app/.venv/bin", "/opt/slipway/python/bin"]);
  expect(await contentOf(build.layers[0])).toEqual({
    "opt/slipway/python/bin/python3.12": "755 python",
    "opt/slipway/python/lib/python3.12/os.py": "644 os",
    "opt/slipway/python/bin/python3": "777 -> python3.12",
    "opt/slipway/python/bin/python": "777 -> python3.12",
  });
  expect(await contentOf(build.layers[1])).toEqual({
    "opt/slipway/uv/bin/uv": "755 the program",
    "opt/slipway/uv/LICENSE-MIT": "644 license",
  });
  const bare = pythonToolchains(parts, { ...versions, python: { version: "3.11.2", mirrored: null } });
  expect(bare.run).toEqual({ layers: [], path: ["/app/.venv/bin"] });
});

test("a wheel or an interpreter with other bytes than its checksum's makes no layer", async () => {
  const parts = sources();
  const requirement = { wanted: "3.12", wantedIn: ".python-version", range: "3.12.x" };
  const versions = {
    python: await resolvePython(parts, requirement, signal),
    uv: await resolveUv(parts, "*", signal),
  };
  const { build } = pythonToolchains(parts, versions);
  answers.set("/files/uv.whl", zipOf([["uv-0.9.2.data/scripts/uv", "something else"]]));
  answers.set(
    `/mirror/${archiveName("3.12.8")}`,
    await packTarGz({ "python/bin/python3.12": "something else" }),
  );
  expect(await refusal(contentOf(build.layers[0]))).toMatch(/^toolchain-unavailable: .*checksum/);
  expect(await refusal(contentOf(build.layers[1]))).toMatch(/^toolchain-unavailable: .*checksum/);
});

test("a wheel that is no zip archive, or is cut off, makes no layer", async () => {
  for (const broken of [Buffer.from("not a zip archive, but longer than its end"), wheel.subarray(20)]) {
    answers.set("/files/uv.whl", broken);
    blobs = memoryBlobs();
    const parts = sources();
    const found = await resolveUv(parts, "*", signal);
    const uv = { ...found, wheel: { ...found.wheel, sha256: sha256(broken) } };
    const { build } = pythonToolchains(parts, { uv, python: { version: "3.11.2", mirrored: null } });
    expect(await refusal(contentOf(build.layers[0]))).toMatch(
      /^toolchain-unavailable: The wheel uv-0\.9\.2.* cannot be unpacked/,
    );
  }
});
