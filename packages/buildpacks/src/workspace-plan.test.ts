// Cases in which an app in a folder of its source is built on dependencies that were installed without the source.

import { posix } from "node:path";
import { describe, expect, test } from "vitest";
import { planBuild, scatteredFiles } from "./plan.ts";

type Files = Readonly<Record<string, string>>;

const json = JSON.stringify;
const prefix = "apps/api/";
const npmLock = {
  lockfileVersion: 3,
  packages: {
    "": {},
    "apps/api": {},
    "packages/lib": {},
    "node_modules/@m/api": { resolved: "apps/api", link: true },
    "node_modules/@m/lib": { resolved: "packages/lib", link: true },
    "node_modules/ms": { version: "2.0.0", resolved: "https://registry.npmjs.org/ms/-/ms-2.0.0.tgz" },
    "packages/lib/node_modules/ms": { version: "2.1.3" },
  },
};
const monorepo: Files = {
  "package.json": json({ workspaces: ["apps/*", "packages/*"] }),
  "package-lock.json": json(npmLock),
  "apps/api/package.json": json({
    scripts: { start: "node ." },
    dependencies: { "@m/lib": "1", ms: "2.0.0" },
  }),
  "packages/lib/package.json": json({ name: "@m/lib", scripts: { build: "make" } }),
};

interface Changes {
  readonly files?: Files;
  readonly variables?: Readonly<Record<string, string>>;
  readonly links?: Parameters<typeof planBuild>[0]["links"];
}

function plan({ files = {}, variables = {}, links = [] }: Changes, source: Files = monorepo) {
  const given = { ...source, ...files };
  const captured = new Map(Object.entries(given).map(([path, text]) => [path, Buffer.from(text)]));
  const names = scatteredFiles("apps/api");
  const scattered = new Map([...captured].filter(([path]) => names.has(posix.basename(path))));
  return planBuild({
    captured,
    oversized: new Set(),
    names: [...captured.keys()]
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length)),
    scattered,
    links,
    variables: { PROJECT_DIR: "apps/api", ...variables },
  });
}
const installOf = (changes: Changes = {}) => plan(changes).language?.install ?? null;

describe("a workspace", () => {
  test("a workspace of npm is installed from all manifests, and built in a container", () => {
    const { language, folder } = plan({});
    expect(folder).toBe("");
    expect(language).toMatchObject({ scripts: "build", install: { workspace: "apps/api" } });
    expect([...(language?.install?.files.keys() ?? [])].toSorted()).toEqual(Object.keys(monorepo).toSorted());
  });

  test.each<[string, Changes]>([
    ["the lock file", { files: { "package-lock.json": json({ ...npmLock, requires: true }) } }],
    [
      "a dependency of another workspace",
      { files: { "packages/lib/package.json": json({ dependencies: { ms: "2" } }) } },
    ],
    ["the manifest of a further folder", { files: { "other/package.json": "{}" } }],
    ["settings of a folder", { files: { "packages/lib/.npmrc": "a=b" } }],
    ["a variable of npm", { variables: { NPM_CONFIG_OMIT: "optional" } }],
    ["a variable without a path of the source", { variables: { NODE_EXTRA_CA_CERTS: "/etc/ssl/ca.pem" } }],
  ])("a workspace is installed again after a change of %s", (_what, changes) => {
    expect(installOf(changes)?.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(installOf(changes)?.digest).not.toBe(installOf()?.digest);
  });

  test.each<[string, Changes]>([
    [
      "scripts that run in builds",
      { files: { "packages/lib/package.json": json({ name: "@m/lib", scripts: { build: "x" } }) } },
    ],
    ["a file that no install reads", { files: { "README.md": "x" } }],
    ["a link to a file", { links: [{ path: "docs", target: "README.md", leadsToFile: true }] }],
  ])("a workspace is not installed again after a change of %s", (_what, changes) => {
    expect(installOf(changes)?.digest).toBe(installOf()?.digest);
  });

  test.each<[string, Changes]>([
    [
      "a workspace has an install script",
      { files: { "packages/lib/package.json": '{"scripts":{"prepare":"x"}}' } },
    ],
    [
      "the root has one",
      { files: { "package.json": '{"workspaces":["*/*"],"scripts":{"postinstall":"x"}}' } },
    ],
    ["npm would link a program of a workspace", { files: { "packages/lib/package.json": '{"bin":"x.js"}' } }],
    [
      "a dependency is a file",
      { files: { "packages/lib/package.json": '{"dependencies":{"x":"file:../x"}}' } },
    ],
    ["a manifest is invalid", { files: { "packages/lib/package.json": "{" } }],
    [
      "a linked folder has no manifest",
      { files: { "package-lock.json": json(npmLock).replaceAll("packages/lib", "lib") } },
    ],
    ["a variable names a file that the root may have", { variables: { NODE_OPTIONS: "-r ./otel.cjs" } }],
    [
      "a variable names a folder that the root may have",
      { variables: { npm_config_cafile: "certs/ca.pem" } },
    ],
    ["a link leads to a folder", { links: [{ path: "latest", target: "packages", leadsToFile: false }] }],
  ])("a workspace is built with the whole source when %s", (_when, changes) => {
    expect(installOf(changes)).toBeNull();
  });
});

const root = (packageManager: string) => ({
  "package.json": json({ workspaces: ["apps/*", "packages/*"], packageManager }),
});
/** The same monorepo without the lock file, and with ranges as other package managers write them. */
const members: Files = {
  "apps/api/package.json": json({
    name: "@m/api",
    scripts: { start: "node ." },
    dependencies: { "@m/lib": "workspace:*", ms: "2.0.0" },
  }),
  "packages/lib/package.json": json({ name: "@m/lib", scripts: { build: "make" } }),
};
const pnpmLock = `lockfileVersion: '9.0'
importers:
  .: {}
  apps/api:
    dependencies:
      '@m/lib': {specifier: 'workspace:*', version: link:../../packages/lib}
      ms: {specifier: 2.0.0, version: 2.0.0}
  packages/lib: {}
packages:
  ms@2.0.0: {resolution: {integrity: sha512-x==}}
`;
const pnpmWorkspace = "packages:\n  - apps/*\n  - packages/*\ncatalog:\n  ms: 2.0.0\n";
const pnpm: Files = {
  ...root("pnpm@10.28.0"),
  ...members,
  "pnpm-lock.yaml": pnpmLock,
  "pnpm-workspace.yaml": pnpmWorkspace,
};
/** If dependencies may run scripts, any variable may affect them. */
const runsScripts = (manager: string) => ["bun", "yarn 1"].includes(manager);
const aVariable: [string, Changes] = ["a variable of the app", { variables: { PORT: "1" } }];
const withMember = { "packages/new/package.json": json({ name: "@m/new" }) };

const yarn4Lock = `__metadata:
  version: 8

"@m/api@workspace:apps/api": {resolution: "@m/api@workspace:apps/api", linkType: soft}
"@m/lib@workspace:*": {resolution: "@m/lib@workspace:packages/lib", linkType: soft}
"ms@npm:2.0.0": {resolution: "ms@npm:2.0.0", linkType: hard}
`;
const yarn4: Files = {
  ...root("yarn@4.18.1"),
  ...members,
  "yarn.lock": yarn4Lock,
  ".yarnrc.yml": "nodeLinker: node-modules\n",
};
const yarn1: Files = {
  ...root("yarn@1.22.22"),
  ...members,
  "apps/api/package.json": monorepo["apps/api/package.json"] ?? "",
  "yarn.lock": '# yarn lockfile v1\n\n\nms@2.0.0:\n  version "2.0.0"\n',
};

const bunLock = json({
  lockfileVersion: 1,
  workspaces: { "": {}, "apps/api": {}, "packages/lib": {} },
  packages: {
    "@m/api": ["@m/api@workspace:apps/api"],
    "@m/lib": ["@m/lib@workspace:packages/lib"],
    ms: ["ms@2.0.0", "", {}, "sha512-x=="],
  },
});
const bun: Files = { ...root("bun@1.4.5"), ...members, "bun.lock": bunLock };

describe.each<[string, Files]>([
  ["bun", bun],
  ["pnpm", pnpm],
  ["yarn 1", yarn1],
  ["yarn 4", yarn4],
])("a workspace of %s", (_manager, source) => {
  const install = (changes: Changes = {}) => plan(changes, source).language?.install ?? null;

  test("a workspace is installed from all manifests, the lock file and settings", () => {
    expect(install()).toMatchObject({ workspace: "apps/api", packageCount: 1 });
    expect([...(install()?.files.keys() ?? [])].toSorted()).toEqual(Object.keys(source).toSorted());
  });

  test.each<[string, Changes]>([
    ["a manifest", { files: { "packages/lib/package.json": json({ name: "@m/lib", version: "2.0.0" }) } }],
    ["the number of workspaces", { files: withMember }],
    ["a registry", { files: { "packages/lib/.npmrc": "registry=https://r.test/\n" } }],
    [
      "a variable that a setting names",
      { files: { ".npmrc": "//r.test/:_authToken=${TOKEN}" }, variables: { TOKEN: "x" } },
    ],
    ["a variable of the registry", { variables: { NPM_CONFIG_REGISTRY: "https://r.test/" } }],
  ])("a workspace is installed again after a change of %s", (_what, changes) => {
    expect(install(changes)?.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(install(changes)?.digest).not.toBe(install()?.digest);
  });

  test.each<[string, Changes]>([
    ["a file that no install reads", { files: { "README.md": "x" } }],
    ...(runsScripts(_manager) ? [] : [aVariable]),
  ])("a workspace is not installed again after a change of %s", (_what, changes) => {
    expect(install(changes)?.digest).toBe(install()?.digest);
  });

  test.each<[string, Changes]>([
    [
      "a workspace has an install script",
      { files: { "packages/lib/package.json": '{"scripts":{"postinstall":"x"}}' } },
    ],
    ["a workspace has a program", { files: { "packages/lib/package.json": '{"bin":"x.js"}' } }],
    ["a workspace is missing", { files: { "packages/lib/package.json": "[]" } }],
    [
      "a dependency is a path",
      { files: { "packages/lib/package.json": '{"dependencies":{"x":"link:../x"}}' } },
    ],
    ["a setting may move packages", { files: { "packages/lib/.npmrc": "modules-dir = lib\n" } }],
    ["a setting has a section", { files: { ".npmrc": "[x]\nregistry=y\n" } }],
    ["a variable may move packages", { variables: { npm_config_virtual_store_dir: "/tmp" } }],
    ["a variable names a file that the root may have", { variables: { NODE_OPTIONS: "-r ./otel.cjs" } }],
    [
      "a variable names a folder that the root may have",
      { variables: { npm_config_cafile: "certs/ca.pem" } },
    ],
    ["a link leads to a folder", { links: [{ path: "latest", target: "packages", leadsToFile: false }] }],
  ])("a workspace is built with the whole source when %s", (_when, changes) => {
    expect(install(changes)).toBeNull();
  });
});

test.each<[string, Changes]>([
  [
    "copies workspaces",
    { files: { "pnpm-workspace.yaml": `${pnpmWorkspace}injectWorkspacePackages: true\n` } },
  ],
  [
    "patches packages",
    { files: { "pnpm-workspace.yaml": `${pnpmWorkspace}patchedDependencies:\n  ms: x\n` } },
  ],
  ["uses Plug'n'Play", { files: { "pnpm-workspace.yaml": `${pnpmWorkspace}nodeLinker: pnp\n` } }],
  ["has a pnpmfile", { files: { ".pnpmfile.cjs": "module.exports = {}" } }],
  [
    "has a pnpmfile by a link",
    { links: [{ path: ".pnpmfile.cjs", target: "package.json", leadsToFile: true }] },
  ],
  [
    "has another workspace in its lock file",
    { files: { "pnpm-lock.yaml": pnpmLock.replaceAll("packages/lib", "lib") } },
  ],
])("a monorepo of pnpm is built with the whole source when it %s", (_when, changes) => {
  expect(plan(changes, pnpm).language?.install).toBeNull();
});

test.each<[string, Changes]>([
  ["uses Plug'n'Play", { files: { ".yarnrc.yml": "nodeLinker: pnp\n" } }],
  ["says nothing of the linker", { files: { ".yarnrc.yml": "enableTelemetry: false\n" } }],
  ["has settings of one folder", { files: { "apps/api/.yarnrc.yml": "nodeLinker: pnp\n" } }],
  ["has plugins", { files: { ".yarnrc.yml": `${yarn4[".yarnrc.yml"]}plugins: [x]\n` } }],
  ["has a folder .yarn", { files: { ".yarn/": "" } }],
  ["has settings of yarn 1", { files: { ".yarnrc": "--modules-folder lib\n" } }],
  ["sets the linker by a variable", { variables: { YARN_NODE_LINKER: "pnp" } }],
  [
    "has another workspace in its lock file",
    { files: { "yarn.lock": yarn4Lock.replaceAll("packages/lib", "lib") } },
  ],
])("a monorepo of yarn 4 is built with the whole source when it %s", (_when, changes) => {
  expect(plan(changes, yarn4).language?.install).toBeNull();
});

test("a monorepo of yarn 4 without settings uses Plug'n'Play, and is built with the whole source", () => {
  const { ".yarnrc.yml": _settings, ...without } = yarn4;
  expect(plan({}, without).language?.install).toBeNull();
});

test.each<[string, Changes]>([
  ["has a bunfig.toml", { files: { "bunfig.toml": "[install]\n" } }],
  ["patches packages", { files: { "bun.lock": bunLock.replace("{", '{"patchedDependencies":{"ms":"x"},') } }],
  [
    "has another workspace in its lock file",
    { files: { "bun.lock": bunLock.replaceAll("packages/lib", "lib") } },
  ],
])("a monorepo of bun is built with the whole source when it %s", (_when, changes) => {
  expect(plan(changes, bun).language?.install).toBeNull();
});

test("a workspace of bun that trusts a package may run its scripts", () => {
  const trusting = (api: object, variables = {}) =>
    plan(
      {
        files: {
          "package.json": json({ workspaces: ["*/*"], packageManager: "bun@1.4.5", trustedDependencies: [] }),
          "packages/lib/package.json": json(api),
        },
        variables,
      },
      bun,
    ).language?.install?.digest;
  const port = { PORT: "1" };
  expect(trusting({}, port)).toBe(trusting({}));
  expect(trusting({ trustedDependencies: ["ms"] }, port)).not.toBe(trusting({ trustedDependencies: ["ms"] }));
});

describe("a folder with a lock file of its own", () => {
  const own = { "apps/api/package-lock.json": json({ lockfileVersion: 3, packages: { "": {} } }) };

  test("a folder with a lock file of its own is installed from its own files alone", () => {
    const { language, folder } = plan({ files: own });
    expect(folder).toBe("apps/api");
    expect(language?.install).toMatchObject({ workspace: null });
    expect([...(language?.install?.files.keys() ?? [])]).toEqual(["package.json", "package-lock.json"]);
  });

  test("a folder with a lock file of its own is built with the whole source when a link leads out of it", () => {
    const inner = { path: "apps/api/latest", target: "apps/api/bin", leadsToFile: false };
    expect(installOf({ files: own, links: [inner] })).not.toBeNull();
    expect(installOf({ files: own, links: [{ ...inner, target: "packages" }] })).toBeNull();
  });
});
