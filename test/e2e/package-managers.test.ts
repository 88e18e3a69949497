// Node.js apps of each package manager: the lock file determines their packages, and they start with or without the package manager.

import { expect, test, vi } from "vitest";
import { packTarGz } from "@slipway/testkit";
import { bunLock, lockedApp, pnpmLock, yarn1Lock, yarn4Lock } from "./lock-files.ts";
import { call, createApp, logOf, page } from "./slipway.ts";
import { lockedBuilds } from "./workspace-locks.ts";

// The deployments of these tests wait for each other, because the workers run two at a time.
vi.setConfig({ testTimeout: 300_000 });

/** Answers with the versions that it runs with. */
const server = `const fs = require("node:fs");
require("node:http").createServer((request, response) => response.end(JSON.stringify({
  ms: require("ms/package.json").version,
  built: fs.existsSync("built.txt") ? fs.readFileSync("built.txt", "utf8") : "",
  development: fs.existsSync("node_modules/is-number"),
  runtime: process.versions.bun === undefined ? "node" : "bun",
}))).listen(process.env.PORT);`;
const builds = { build: "node build.js" };
const build = `require("node:fs").writeFileSync("built.txt", String(require("is-number")(5)));`;

function app(files: Readonly<Record<string, string>>, changes: object = {}) {
  const manifest = {
    ...lockedApp,
    engines: { node: "24.x" },
    scripts: { start: "node server.js" },
    ...changes,
  };
  return packTarGz({
    "app/package.json": JSON.stringify(manifest),
    "app/server.js": server,
    "app/build.js": build,
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`app/${name}`, text])),
  });
}

const pnp = { ".yarnrc.yml": "nodeLinker: pnp\n" };
const pnpm = { "pnpm-lock.yaml": pnpmLock };
const calling = (manager: string) => ({ Procfile: `web: ${manager} run start\n` });

test.concurrent.each<[string, string, Readonly<Record<string, string>>, string]>([
  ["pnpm 9", "pnpm@9.15.9", pnpm, "pnpm install --frozen-lockfile"],
  // The store of pnpm 10 has links to the folders that use it.
  ["pnpm 10", "pnpm@10.28.0", pnpm, "pnpm install --frozen-lockfile"],
  [
    "pnpm 11 that its Procfile calls",
    "pnpm@11.28.11",
    { ...pnpm, ...calling("pnpm") },
    "pnpm install --frozen-lockfile",
  ],
  [
    "yarn 1 that its Procfile calls",
    "yarn@1.22.22",
    { "yarn.lock": yarn1Lock, ...calling("yarn") },
    "yarn install --frozen-lockfile",
  ],
  ["yarn 4", "yarn@4.13.0", { "yarn.lock": yarn4Lock, ...pnp }, "yarn install --immutable"],
  [
    "yarn 4 that its Procfile calls",
    "yarn@4.13.0",
    { "yarn.lock": yarn4Lock, ...calling("yarn") },
    "yarn install --immutable",
  ],
  ["bun", "bun@1.4.5", { "bun.lock": bunLock }, "bun install"],
])(
  "an app of %s gets what its lock file says, its build has devDependencies, and its image has not",
  async (_name, packageManager, files, install) => {
    const { name } = await createApp("manager");
    const scripts = { start: "node server.js", ...builds };
    const log = await logOf(name, await app(files, { packageManager, scripts }), "success");
    expect(log).toMatch(new RegExp(`Using Node.js 24\\.[0-9.]+ and ${packageManager.replace("@", " ")}\n`));
    expect(log).toContain(install);
    expect(log).not.toMatch(/begins again|cache is deleted/);
    expect(JSON.parse(await page(name))).toEqual({
      ms: "2.0.0",
      built: "true",
      development: false,
      runtime: "node",
    });
  },
);

test.concurrent("a lock file that package.json disagrees with fails the build and says what to do", async () => {
  const { name } = await createApp("disagree");
  const dependencies = { ms: "2.1.3" };
  const log = await logOf(name, await app(pnpm, { dependencies }), "build-error");
  expect(log).toContain("package.json and pnpm-lock.yaml do not agree");
  expect(log).toContain("run pnpm install and add the changed pnpm-lock.yaml to the source");
});

test.concurrent("an app whose start script calls bun has it in its image", async () => {
  const { name } = await createApp("bun");
  const scripts = { start: "bun run server.js" };
  const log = await logOf(name, await app({ "bun.lock": bunLock }, { scripts }), "success");
  expect(log).toContain("bun is part of the image, because the app's processes call it");
  expect(JSON.parse(await page(name))).toMatchObject({ ms: "2.0.0", development: false, runtime: "bun" });
});

const lib = `require("node:fs").writeFileSync("dist.js", "module.exports = " + require("is-number")(5));`;
const api = `const fs = require("node:fs");
require("node:http").createServer((request, response) => response.end(JSON.stringify({
  ms: require("ms/package.json").version,
  lib: require("@m/lib"),
  directory: process.cwd(),
  development: ["node_modules", "packages/lib/node_modules"].some((at) => fs.existsSync("../../" + at + "/is-number")),
}))).listen(process.env.PORT);`;

test.concurrent.each([
  ["npm", lockedBuilds.npm, "^1.0.0", { workspaces: ["apps/*", "packages/*"] }],
  ["pnpm", lockedBuilds.pnpm, "workspace:*", { packageManager: "pnpm@9.15.9" }],
])(
  "a workspace of %s is built after those that it depends on, and starts in its folder",
  async (_name, files, range, changes) => {
    const { name } = await createApp("monorepo");
    await call("PUT", `/v1/apps/${name}/variables`, {
      variables: [{ name: "PROJECT_DIR", value: "apps/api" }],
    });
    const manifests = {
      "package.json": { name: "monorepo", private: true, engines: { node: "24.x" }, ...changes },
      "apps/api/package.json": {
        name: "@m/api",
        version: "1.0.0",
        scripts: { start: "node server.js" },
        dependencies: { "@m/lib": range, ms: "2.0.0" },
      },
      "packages/lib/package.json": {
        name: "@m/lib",
        version: "1.0.0",
        main: "dist.js",
        scripts: { build: "node build.js" },
        devDependencies: { "is-number": "7.0.0" },
      },
    };
    const texts = Object.entries(manifests).map(([path, value]) => [path, JSON.stringify(value)] as const);
    const source = {
      ...Object.fromEntries(texts),
      ...files,
      "apps/api/server.js": api,
      "packages/lib/build.js": lib,
    };
    const archive = await packTarGz(
      Object.fromEntries(Object.entries(source).map(([path, text]) => [`monorepo/${path}`, text])),
    );
    const log = await logOf(name, archive, "success");
    expect(log).toContain("Running the script build of packages/lib");
    expect(JSON.parse(await page(name))).toEqual({
      ms: "2.0.0",
      lib: true,
      directory: "/app/apps/api",
      development: false,
    });
  },
);
