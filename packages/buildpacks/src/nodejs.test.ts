// The versions that the nodejs buildpack's bin/compile chooses, run on this machine with the test's own registry.

import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtempDisposable, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { packTarGz } from "@slipway/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultStacksDir } from "./stack-files.ts";

const nodePackage = `node-linux-${process.arch}`;
const nodeVersions = [
  "18.20.8",
  "20.11.1",
  "20.19.0",
  "22.9.0",
  "22.12.0",
  "24.1.0",
  "24.2.0",
  "26.1.0",
  "27.0.0-rc.1",
];
/** In the format of Node.js's release schedule. */
const schedule = {
  "v0.12": { start: "2015-02-06", end: "2016-12-31" },
  v20: { start: "2023-04-18", lts: "2023-10-24", codename: "Iron" },
  v22: { start: "2024-04-24", lts: "2024-10-29", codename: "Jod" },
  v23: { start: "2024-10-16" },
  v24: { start: "2025-05-06", lts: "2025-10-28", codename: "Krypton" },
  v26: { start: "2026-05-05", lts: "2999-10-28", codename: "Lithium" },
  v27: { start: "2999-04-22", lts: "2999-10-20", codename: "" },
};
const opened = new AsyncDisposableStack();
let registry: Server;

beforeAll(async () => {
  const node = { content: `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, mode: 0o755 };
  const scheduleFile = { "package/data/release-schedule/release-schedule.json": JSON.stringify(schedule) };
  registry = opened.use(
    await startRegistry({
      [nodePackage]: { versions: nodeVersions, tarball: await packTarGz({ "package/bin/node": node }) },
      semver: { versions: ["7.8.5"], tarball: await packTarGz(await semverFiles()) },
      "node-releases": { versions: ["1.0.0", "2.0.66"], tarball: await packTarGz(scheduleFile) },
    }),
  );
});
afterAll(() => opened.disposeAsync());

test.each([
  ["lts/*", "24.2.0"],
  ["lts", "24.2.0"],
  ["lts/jod", "22.12.0"],
  ["lts/Iron", "20.19.0"],
  ["latest", "26.1.0"],
  ["current", "26.1.0"],
  ["node", "26.1.0"],
  ["v20", "20.19.0"],
  ["v20.11", "20.11.1"],
  ["v22.9.0", "22.9.0"],
  ["22", "22.12.0"],
  [">=20 <24", "22.12.0"],
])("engines.node %j is Node.js %s", async (wanted, version) => {
  expect(await chosen({ "package.json": packageJson({ node: wanted }) })).toBe(version);
});

test.each([
  [{ ".nvmrc": "lts/jod\n" }, "22.12.0"],
  [{ ".nvmrc": "# the team's\r\n\r\n  v20.11.1 \r\n22\n" }, "20.11.1"],
  [{ ".node-version": "22.9.0" }, "22.9.0"],
  [{ ".nvmrc": "20", ".node-version": "22" }, "20.19.0"],
  [{ ".nvmrc": "\n", ".node-version": ">=22 <24" }, "22.12.0"],
])("without engines.node %j is Node.js %s", async (files, version) => {
  expect(await chosen(files)).toBe(version);
});

test("engines.node has precedence over .nvmrc", async () => {
  const files = { "package.json": packageJson({ node: "22.x" }), ".nvmrc": "20" };
  expect(await chosen(files)).toBe("22.12.0");
});

test.each(["stable", "lts-jod", "argon"])(
  "the name %j is rejected with a list of accepted forms",
  async (wanted) => {
    const { exitCode, output } = await compile({ ".nvmrc": wanted });
    expect(exitCode).toBe(1);
    expect(output).toContain(
      ` !     "${wanted}" (.nvmrc) is neither a version, nor a range, nor a name of one.`,
    );
    for (const accepted of ["24.x", "lts/*", "lts/NAME", "latest, current"])
      expect(output).toContain(accepted);
  },
);

test("an unknown name of an LTS line is rejected with a list of the known names", async () => {
  const { exitCode, output } = await compile({ "package.json": packageJson({ node: "lts/unobtainium" }) });
  expect(exitCode).toBe(1);
  expect(output).toContain('"lts/unobtainium" (engines.node of package.json) names no LTS line');
  expect(output).toContain("lts/iron, lts/jod, lts/krypton, lts/lithium");
});

test.each([
  [["package-lock.json", "yarn.lock"], "package-lock.json counts; yarn.lock is ignored."],
  [
    ["package-lock.json", "pnpm-lock.yaml", "bun.lockb"],
    "package-lock.json counts; pnpm-lock.yaml, bun.lockb are ignored.",
  ],
  [["npm-shrinkwrap.json", "package-lock.json"], "npm-shrinkwrap.json counts; package-lock.json is ignored."],
  [["yarn.lock"], "yarn.lock is not used: dependencies are installed with npm."],
  [
    ["pnpm-lock.yaml", "bun.lock"],
    "pnpm-lock.yaml, bun.lock are not used: dependencies are installed with npm.",
  ],
])("of %j one line says what counts", async (names, words) => {
  const { output } = await compile(Object.fromEntries(names.map((name) => [name, "{}"])));
  const said = output.split("\n").filter((line) => names.some((name) => line.includes(name)));
  expect(said).toEqual([expect.stringContaining(words)]);
});

test("a package-lock.json alone causes no message", async () => {
  expect((await compile({ "package-lock.json": "{}" })).output).not.toContain("package-lock.json");
});

/** The version of Node.js that bin/compile installs for an app with these files. */
async function chosen(files: Readonly<Record<string, string>>): Promise<string | undefined> {
  const { output } = await compile(files);
  return /(?:Downloading|Using cached) Node\.js (\S+)$/m.exec(output)?.[1] ?? output;
}

/** Runs bin/compile until it needs npm, which the test's registry does not have. */
async function compile(files: Readonly<Record<string, string>>) {
  await using folder = await mkdtempDisposable(join(tmpdir(), "nodejs-"));
  const pack = join(folder.path, "pack");
  await copyFolder(join(defaultStacksDir, "buildpacks/nodejs"), pack);
  const [build, cache] = [join(folder.path, "build"), join(folder.path, "cache")];
  for (const [name, text] of Object.entries({ "package.json": packageJson({}), ...files }))
    await put(join(build, name), text);
  const { PATH } = process.env;
  const { port } = registry.address() as AddressInfo;
  const child = spawn("/bin/bash", [join(pack, "bin/compile"), build, cache, join(folder.path, "env")], {
    env: { PATH, npm_config_registry: `http://127.0.0.1:${port}/`, TMPDIR: folder.path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, errors, [exitCode]] = await Promise.all([
    Array.fromAsync(child.stdout),
    Array.fromAsync(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { exitCode, output: Buffer.concat([...out, ...errors]).toString() };
}

function packageJson(engines: Readonly<Record<string, string>>): string {
  return JSON.stringify({ name: "app", scripts: { start: "node ." }, engines });
}

async function put(path: string, text: string | Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

async function copyFolder(from: string, to: string): Promise<void> {
  for (const [name, content] of Object.entries(await filesIn(from))) await put(join(to, name), content);
}

/** The files of a folder by relative path. */
async function filesIn(root: string): Promise<Record<string, Buffer>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = files.map(async (path) => [path.slice(root.length + 1), await readFile(path)] as const);
  return Object.fromEntries(await Promise.all(read));
}

/** The files of the real package. */
async function semverFiles(): Promise<Record<string, Buffer>> {
  const files = await filesIn(dirname(new URL(import.meta.resolve("semver")).pathname));
  return Object.fromEntries(Object.entries(files).map(([name, content]) => [`package/${name}`, content]));
}

/** Serves a buildpack's requests to an npm registry; all versions of a package have the same content. */
async function startRegistry(
  packages: Readonly<Record<string, { readonly versions: readonly string[]; readonly tarball: Buffer }>>,
): Promise<Server> {
  const server = createServer((request, response) => {
    const [, name = "", file] = (request.url ?? "").split("/");
    const found = packages[name];
    if (found === undefined) return response.writeHead(404).end();
    if (file !== undefined) return response.end(found.tarball);
    const integrity = `sha512-${createHash("sha512").update(found.tarball).digest("base64")}`;
    const tarball = `http://${request.headers.host}/${name}/package.tgz`;
    const versions = found.versions.map((version) => [version, { dist: { tarball, integrity } }]);
    return response.end(JSON.stringify({ name, versions: Object.fromEntries(versions) }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}
