// Which changes to an app change its install with pnpm, yarn and bun.

import { describe, expect, test } from "vitest";
import { planNode } from "./plan.ts";

type Files = Readonly<Record<string, string>>;
type Variables = Readonly<Record<string, string>>;

const manifest = { name: "app", scripts: { start: "node ." }, dependencies: { ms: "2.0.0" } };
const pnpmLock = (more = "") =>
  `lockfileVersion: '9.0'\n\npackages:\n\n  ms@2.0.0:\n    resolution: {integrity: sha512-x==}\n${more}`;
const pnpm8Lock = (requiresBuild: boolean) =>
  `lockfileVersion: '6.0'\n\npackages:\n\n  /ms@2.0.0:\n    resolution: {integrity: x}\n    requiresBuild: ${requiresBuild}\n`;
const berryLock =
  '__metadata:\n  version: 8\n\n"ms@npm:2.0.0":\n  resolution: "ms@npm:2.0.0"\n  linkType: hard\n';
const yarn1Lock = '# yarn lockfile v1\n\n\nms@2.0.0:\n  version "2.0.0"\n';
const bunLock =
  '{"lockfileVersion": 2, "workspaces": {"": {}}, "packages": {"ms": ["ms@2.0.0", "", {}, "sha512-x=="]}}';
const pnpm = { files: { "pnpm-lock.yaml": pnpmLock() }, fields: { packageManager: "pnpm@10.28.0" } };
const yarn = { files: { "yarn.lock": berryLock }, fields: { packageManager: "yarn@4.18.1" } };
const bun = { files: { "bun.lock": bunLock }, fields: { trustedDependencies: [] } };
const allowing = (text: string) => ({ ...pnpm.files, "pnpm-workspace.yaml": text });

interface App {
  readonly files: Files;
  readonly fields?: object;
}

function digest({ files, fields }: App, variables: Variables = {}): string | undefined {
  const all: Files = { "package.json": JSON.stringify({ ...manifest, ...fields }), ...files };
  const content = new Map(Object.entries(all).map(([name, text]) => [name, Buffer.from(text)]));
  return planNode({ read: (name) => content.get(name), names: [...content.keys()], variables }).install
    ?.digest;
}

/** Whether a variable's value changes the install. */
const isDecisive = (app: App, name: string) => digest(app, { [name]: "a" }) !== digest(app, { [name]: "b" });

describe.each<[string, App]>([
  ["pnpm 10", pnpm],
  ["pnpm by its lock file", { ...pnpm, fields: {} }],
  ["a range of pnpm", { ...pnpm, fields: { engines: { pnpm: ">=11" } } }],
  ["pnpm 8 without a package that builds", { files: { "pnpm-lock.yaml": pnpm8Lock(false) } }],
  ["yarn 4.18", yarn],
  [
    "yarn 4 with enableScripts: false",
    {
      files: { "yarn.lock": berryLock, ".yarnrc.yml": "enableScripts: false\n" },
    },
  ],
  ["bun that trusts no package", bun],
])("with %s, which runs no scripts of dependencies,", (_name, app) => {
  test.each(["PORT", "DATABASE_URL", "NODEJS", "TOKEN"])("%s does not lead to another install", (name) => {
    expect(digest(app, { [name]: "a" })).toBeDefined();
    expect(isDecisive(app, name)).toBe(false);
  });

  test.each([
    "NODE_ENV",
    "NODE_OPTIONS",
    "NPM_TOKEN",
    "npm_config_omit",
    "PNPM_HOME",
    "YARN_X",
    "BUN_X",
    "CI",
  ])("%s leads to another install", (name) => expect(isDecisive(app, name)).toBe(true));

  test.each(["${TOKEN}", "${TOKEN-}", "${TOKEN:-none}", "$TOKEN"])(
    "a variable that .npmrc names as %s leads to another install",
    (text) => {
      const named = {
        ...app,
        files: { ...app.files, ".npmrc": `//registry.npmjs.org/:_authToken=${text}\n` },
      };
      expect(isDecisive(named, "TOKEN")).toBe(true);
      expect(isDecisive(named, "TOK")).toBe(false);
    },
  );
});

test("a variable that .yarnrc.yml names leads to another install", () => {
  const files = { ...yarn.files, ".yarnrc.yml": 'npmAuthToken: "${TOKEN}"\n' };
  expect(isDecisive({ ...yarn, files }, "TOKEN")).toBe(true);
  expect(isDecisive({ ...yarn, files }, "PORT")).toBe(false);
});

test.each<[string, App]>([
  ["pnpm 9", { ...pnpm, fields: { packageManager: "pnpm@9.15.9" } }],
  ["pnpm 8 with a package that builds", { files: { "pnpm-lock.yaml": pnpm8Lock(true) } }],
  ["any version of pnpm", { ...pnpm, fields: { packageManager: "pnpm@9 || 10" } }],
  [
    "pnpm whose workspace file allows a build",
    { ...pnpm, files: allowing("onlyBuiltDependencies:\n  - ms\n") },
  ],
  ["pnpm 11 whose workspace file allows a build", { ...pnpm, files: allowing("allowBuilds:\n  ms: true\n") }],
  [
    "pnpm whose package.json allows a build",
    {
      ...pnpm,
      fields: { ...pnpm.fields, pnpm: { onlyBuiltDependencies: ["ms"] } },
    },
  ],
  [
    "pnpm whose .npmrc allows builds",
    {
      ...pnpm,
      files: { ...pnpm.files, ".npmrc": "dangerously-allow-all-builds=true\n" },
    },
  ],
  [
    "pnpm with a package from git",
    {
      ...pnpm,
      files: {
        "pnpm-lock.yaml": pnpmLock(
          "\n  a@https://codeload.github.com/a/a/tar.gz/1:\n    resolution: {tarball: https://codeload.github.com/a/a/tar.gz/1}\n",
        ),
      },
    },
  ],
  ["yarn 1", { files: { "yarn.lock": yarn1Lock } }],
  ["yarn 4.13", { ...yarn, fields: { packageManager: "yarn@4.13.0" } }],
  ["yarn with enableScripts", { ...yarn, files: { ...yarn.files, ".yarnrc.yml": "enableScripts: true\n" } }],
  [
    "yarn that allows one package",
    {
      ...yarn,
      fields: { ...yarn.fields, dependenciesMeta: { ms: { built: true } } },
    },
  ],
  ["bun with its own list of trusted packages", { files: bun.files }],
  ["bun that trusts a package", { ...bun, fields: { trustedDependencies: ["ms"] } }],
])("with %s, which may run scripts of dependencies, any variable leads to another install", (_name, app) => {
  expect(digest(app)).toBeDefined();
  expect(isDecisive(app, "PORT")).toBe(true);
});

test.each<[App, string]>([
  [pnpm, "npm_config_dangerously_allow_all_builds"],
  [yarn, "YARN_ENABLE_SCRIPTS"],
])("a variable that may allow scripts makes any other variable lead to another install", (app, name) => {
  const of = (PORT: string) => digest(app, { [name]: "true", PORT });
  expect(of("1")).not.toBe(of("2"));
});
