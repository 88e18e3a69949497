import { expect, test } from "vitest";
import { maxPackages } from "./locked-package.ts";
import { lockedPackages, lockedWorkspace } from "./locked-packages.ts";

type Language = Parameters<typeof lockedPackages>[0][number];
type Locked = ReturnType<typeof lockedPackages>;

const sha512 = "ab".repeat(64);
const integrity = `sha512-${Buffer.from(sha512, "hex").toString("base64")}`;

function found(language: Language, files: Readonly<Record<string, string>>) {
  return shown(lockedPackages([language], reader(files)));
}

function reader(files: Readonly<Record<string, string>>) {
  return (name: string) => (files[name] === undefined ? undefined : Buffer.from(files[name]));
}

function shown(locked: Locked) {
  if (locked === null) return null;
  const {
    files: [file, ...others],
    isComplete,
    packages,
  } = locked;
  expect(others).toEqual([]);
  const texts = packages.map(({ name, version, scope, sha512: digest }) =>
    [
      `${name}@${version}`,
      ...(scope === "required" ? [] : [scope]),
      ...(digest === null ? [] : [digest]),
    ].join(" "),
  );
  return { file, isComplete, packages: texts };
}

test("a lock file of npm has packages of releases, of development and of other platforms, also by other names", () => {
  const packages = {
    "": { name: "app", version: "1.0.0" },
    "packages/own": { version: "1.0.0" },
    "node_modules/own": { resolved: "packages/own", link: true },
    "node_modules/@a/b": { version: "2.0.0", integrity },
    "node_modules/@a/b/node_modules/c": { version: "3.0.0-rc.1", dev: true },
    "node_modules/d": { version: "4.0.0", optional: true },
    "node_modules/alias": { name: "real", version: "5.0.0" },
  };
  const expected = {
    file: "package-lock.json",
    isComplete: true,
    packages: [`@a/b@2.0.0 ${sha512}`, "c@3.0.0-rc.1 excluded", "d@4.0.0 optional", "real@5.0.0"],
  };
  expect(found("nodejs", { "package-lock.json": JSON.stringify({ packages }) })).toEqual(expected);
});

test("a lock file of pnpm has packages, in the keys of each of its versions", () => {
  const keys = ["'@a/b@2.0.0(c@1.0.0)'", "/c@3.0.0(d@1.0.0)", "/@d/e/4.0.0", "/f/5.0.0_c@1.0.0"];
  const text = `lockfileVersion: '9.0'\npackages:\n${keys
    .map((key) => `  ${key}:\n    resolution: {integrity: ${integrity}}\n`)
    .join("")}`;
  expect(found("nodejs", { "pnpm-lock.yaml": text })).toEqual({
    file: "pnpm-lock.yaml",
    isComplete: true,
    packages: ["@a/b@2.0.0", "c@3.0.0", "@d/e@4.0.0", "f@5.0.0"].map((one) => `${one} ${sha512}`),
  });
});

test("a lock file of yarn has packages, in the form of each of its versions", () => {
  const first = `# yarn lockfile v1\n\n\n"@a/b@^1.0.0", "@a/b@^1.1.0":\n  version "1.2.0"\n  integrity ${integrity}\n\nalias@npm:real@^2.0.0:\n  version "2.1.0"\n`;
  expect(found("nodejs", { "yarn.lock": first })).toMatchObject({
    isComplete: true,
    packages: [`@a/b@1.2.0 ${sha512}`, "real@2.1.0"],
  });
  const later = `__metadata:\n  version: 8\n\n"@a/b@npm:^1.0.0":\n  version: 1.2.0\n  resolution: "@a/b@npm:1.2.0"\n\n"app@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "app@workspace:."\n`;
  expect(found("nodejs", { "yarn.lock": later })).toMatchObject({
    isComplete: true,
    packages: ["@a/b@1.2.0"],
  });
});

test("the lock files of uv, Poetry and Pipenv have packages by normalized names, without the app itself", () => {
  const uv =
    '[[package]]\nname = "app"\nversion = "0.1.0"\nsource = { virtual = "." }\n[[package]]\nname = "Flask_Login"\nversion = "0.6.3"\nsource = { registry = "https://pypi.org/simple" }\n';
  expect(found("python", { "uv.lock": uv })).toMatchObject({
    isComplete: true,
    packages: ["flask-login@0.6.3"],
  });
  const poetry = '[[package]]\nname = "ruff"\nversion = "1.0"\noptional = true\n';
  expect(found("python", { "poetry.lock": poetry })?.packages).toEqual(["ruff@1.0 optional"]);
  const pipenv = JSON.stringify({ default: { a: { version: "==1" } }, develop: { b: { version: "==2" } } });
  expect(found("python", { "Pipfile.lock": pipenv })?.packages).toEqual(["a@1", "b@2 excluded"]);
});

test("only requirements with one version are packages, and others make the list incomplete", () => {
  const pinned =
    "--index-url https://pypi.org/simple\n# comment\nFlask==3.0.0 \\\n    --hash=sha256:ab\nuvicorn[standard]==0.30.1 ; python_version > '3.8' # why\n";
  expect(found("python", { "requirements.txt": pinned })).toMatchObject({
    isComplete: true,
    packages: ["flask@3.0.0", "uvicorn@0.30.1"],
  });
  for (const line of ["requests>=2", "flask", "-r other.txt", "git+https://example.com/x.git"]) {
    const { isComplete, packages } = found("python", { "requirements.txt": `a==1\n${line}\n` }) ?? {};
    expect([line, isComplete, packages]).toEqual([line, false, ["a@1"]]);
  }
});

test("a requirement with many hashes is a package, and one with a million spaces is read at once", () => {
  const hashes = Array.from({ length: 50 }, () => ` --hash=sha256:${"0a".repeat(32)}`).join(" \\\n   ");
  const spaces = " ".repeat(1_000_000);
  const text = `a [x] ==  1${hashes}\nb==2 ; python_version > "3"\nc${spaces}d\ne${spaces}==3\n`;
  expect(found("python", { "requirements.txt": text })).toMatchObject({
    isComplete: false,
    packages: ["a@1", "b@2", "e@3"],
  });
});

test("a lock file with too many packages is not read", () => {
  const requirements = (count: number) => ({ "requirements.txt": "a==1\n".repeat(count) });
  expect(found("python", requirements(maxPackages))?.packages).toHaveLength(maxPackages);
  expect(found("python", requirements(maxPackages + 1))).toBeNull();
});

test("go.mod has modules, with those that replace others", () => {
  const text = `module example.com/app
go 1.22
require github.com/BurntSushi/toml v1.4.0
require (
  golang.org/x/text v0.16.0 // indirect
  example.com/local v1.0.0
  example.com/forked v1.0.0
)
replace example.com/local => ./local
replace example.com/forked v1.0.0 => example.com/fork v1.0.1
`;
  expect(found("go", { "go.mod": text })).toMatchObject({
    isComplete: true,
    packages: ["github.com/BurntSushi/toml@v1.4.0", "golang.org/x/text@v0.16.0", "example.com/fork@v1.0.1"],
  });
  expect(found("go", { "go.mod": text.replace("1.22", "1.16") })?.isComplete).toBe(false);
});

test("composer.lock has packages of releases and of development, without the app itself", () => {
  const lock = {
    packages: [{ name: "Monolog/monolog", version: "3.7.0" }],
    "packages-dev": [{ name: "phpunit/phpunit", version: "11.3.1" }],
  };
  const { packages } =
    lockedPackages(["php"], (name) =>
      name !== "composer.lock" ? undefined : Buffer.from(JSON.stringify(lock)),
    ) ?? {};
  expect(packages).toEqual([
    { type: "composer", name: "monolog/monolog", version: "3.7.0", scope: "required", sha512: null },
    { type: "composer", name: "phpunit/phpunit", version: "11.3.1", scope: "excluded", sha512: null },
  ]);
  expect(found("php", { "composer.lock": "[]" })).toBeNull();
});

test("Gemfile.lock has gems, once for all platforms, without folders of the source", () => {
  const text = `PATH
  remote: lib
  specs:
    own (0.1.0)
      rack (>= 2)

GEM
  remote: https://rubygems.org/
  specs:
    nokogiri (1.16.0-arm64-darwin)
      racc (~> 1.4)
    nokogiri (1.16.0-x86_64-linux)
    rack (3.0.8)

DEPENDENCIES
  own!
`;
  expect(found("ruby", { "Gemfile.lock": text })).toMatchObject({
    isComplete: true,
    packages: ["nokogiri@1.16.0", "rack@3.0.8"],
  });
  expect(found("ruby", { "Gemfile.lock": "{}" })).toBeNull();
});

test("there are no packages without a lock file that can be read", () => {
  expect(found("nodejs", { "package.json": "{}" })).toBeNull();
  expect(found("nodejs", { "package-lock.json": "{" })).toBeNull();
  expect(found("python", { "uv.lock": "[[package]]\nname = 1\n" })).toBeNull();
});

test("a workspace of npm has the packages that it and the root reach, and not those of other workspaces", () => {
  const packages = {
    "": { name: "root", workspaces: ["apps/*"], dependencies: { "of-root": "1" } },
    "apps/api": { dependencies: { lib: "1", a: "1" }, devDependencies: { tool: "1" } },
    "apps/web": { dependencies: { web: "1", tool: "1" } },
    "libs/lib": { name: "lib", dependencies: { a: "2" }, peerDependencies: { peer: "1" } },
    "node_modules/lib": { resolved: "libs/lib", link: true },
    "node_modules/of-root": { version: "1.0.0" },
    "node_modules/a": { version: "2.0.0", optionalDependencies: { native: "1", absent: "1" } },
    "node_modules/native": { version: "1.0.0", optional: true },
    "node_modules/peer": { version: "1.0.0", peer: true },
    "node_modules/tool": { version: "1.0.0", dependencies: { b: "1" } },
    "node_modules/b": { version: "1.0.0" },
    "node_modules/web": { version: "1.0.0" },
    "apps/api/node_modules/a": { version: "1.0.0", dependencies: { nested: "1" } },
    "apps/api/node_modules/a/node_modules/nested": { version: "1.0.0", dependencies: { a: "1" } },
  };
  const read = reader({ "package-lock.json": JSON.stringify({ packages }) });
  expect(shown(lockedWorkspace("npm", "apps/api", read))).toEqual({
    file: "package-lock.json",
    isComplete: true,
    packages: [
      "of-root@1.0.0",
      "a@2.0.0",
      "native@1.0.0 optional",
      "peer@1.0.0",
      "tool@1.0.0 excluded",
      "b@1.0.0 excluded",
      "a@1.0.0",
      "nested@1.0.0",
    ],
  });
  expect(lockedWorkspace("npm", "apps/other", read)).toBeNull();
  expect(lockedWorkspace("npm", "apps/api", reader({ "pnpm-lock.yaml": "x" }))).toBeNull();
});

test.each<[string, string, number]>([
  ["a path that no system can open", "b".repeat(4_097), 1],
  ["a path of megabytes", `a/${"b/".repeat(4_000_000)}c`, 1],
  ["more dependencies than can be followed", `${"node_modules/a/".repeat(200)}c`, 20_000],
])("a lock file of npm with %s is not read", (_what, path, dependencies) => {
  const names = Array.from({ length: dependencies }, (_, index) => [`x${index}`, "1"] as const);
  const levels = Array.from(
    { length: 200 },
    (_, level) => `${"node_modules/a/".repeat(level)}node_modules/b`,
  );
  const packages = {
    ...Object.fromEntries(levels.map((level) => [level, { version: "1.0.0" }])),
    "": { dependencies: { long: "1" } },
    "node_modules/long": { link: true, resolved: path },
    [path]: { dependencies: Object.fromEntries(names) },
    w: {},
  };
  expect(
    lockedWorkspace("npm", "w", reader({ "package-lock.json": JSON.stringify({ packages }) })),
  ).toBeNull();
});

const pnpm9 = `lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      of-root: {specifier: 1.0.0, version: 1.0.0}
  apps/api:
    dependencies:
      lib: {specifier: 'workspace:*', version: link:../../libs/lib}
      alias: {specifier: 'npm:real@1.0.0', version: real@1.0.0}
      peers: {specifier: 1.0.0, version: 1.0.0(a@2.0.0)}
    devDependencies:
      tool: {specifier: 1.0.0, version: 1.0.0}
  apps/web:
    dependencies:
      web: {specifier: 1.0.0, version: 1.0.0}
  libs/lib:
    dependencies:
      a: {specifier: 1.0.0, version: 1.0.0}
packages:
  of-root@1.0.0: {resolution: {integrity: ${integrity}}}
  real@1.0.0: {}
  peers@1.0.0: {}
  a@1.0.0: {}
  a@2.0.0: {}
  tool@1.0.0: {}
  b@1.0.0: {}
  native@1.0.0: {}
  web@1.0.0: {}
snapshots:
  of-root@1.0.0: {}
  real@1.0.0: {optionalDependencies: {native: 1.0.0}}
  peers@1.0.0(a@2.0.0): {dependencies: {a: 2.0.0}}
  a@1.0.0: {}
  a@2.0.0: {}
  tool@1.0.0: {dependencies: {a: 1.0.0, b: 1.0.0}}
  b@1.0.0: {dependencies: {tool: 1.0.0}}
  native@1.0.0: {}
  web@1.0.0: {}
`;
const pnpm8 = `lockfileVersion: '6.0'
importers:
  .: {}
  apps/api:
    dependencies:
      lib: {specifier: 'workspace:*', version: link:../../libs/lib}
  libs/lib:
    dependencies:
      a: {specifier: 1.0.0, version: 1.0.0(c@1.0.0)}
packages:
  /a@1.0.0(c@1.0.0): {dependencies: {'@b/b': 1.0.0}}
  /@b/b@1.0.0: {}
  /web@1.0.0: {}
`;

test("a workspace of pnpm has the packages that it and the root reach, and not those of other workspaces", () => {
  const packagesOf = (text: string, workspace = "apps/api") =>
    shown(lockedWorkspace("pnpm", workspace, reader({ "pnpm-lock.yaml": text })));
  expect(packagesOf(pnpm9)).toEqual({
    file: "pnpm-lock.yaml",
    isComplete: true,
    packages: [
      `of-root@1.0.0 ${sha512}`,
      "real@1.0.0",
      "peers@1.0.0",
      "a@1.0.0",
      "a@2.0.0",
      "tool@1.0.0 excluded",
      "b@1.0.0 excluded",
      "native@1.0.0",
    ],
  });
  expect(packagesOf(pnpm8)?.packages).toEqual(["a@1.0.0", "@b/b@1.0.0"]);
  expect(packagesOf(pnpm9.replace("native: 1.0.0", "native: 2.0.0"))?.isComplete).toBe(false);
  expect(packagesOf(pnpm9.replace("link:../../libs/lib", "link:../lib"))?.isComplete).toBe(false);
  expect(packagesOf(pnpm9, "apps/other")).toBeNull();
});

test("a workspace of yarn 4 has the packages that it and the root reach, and one of yarn 1 all", () => {
  const entry = (key: string, resolution: string, dependencies: object = {}) =>
    `"${key}":\n  version: 1.0.0\n  resolution: "${resolution}"\n  dependencies: ${JSON.stringify(dependencies)}\n\n`;
  const text = [
    "__metadata:\n  version: 8\n\n",
    entry("root@workspace:.", "root@workspace:.", { "of-root": "npm:1" }),
    entry("api@workspace:apps/api", "api@workspace:apps/api", { lib: "workspace:*", absent: "npm:1" }),
    entry("web@workspace:apps/web", "web@workspace:apps/web", { web: "npm:1" }),
    entry("lib@workspace:*, lib@workspace:libs/lib", "lib@workspace:libs/lib", { "@a/a": "^1" }),
    entry("of-root@npm:1", "of-root@npm:1.0.0"),
    entry("@a/a@npm:1, @a/a@npm:^1", "@a/a@npm:1.0.0", { "of-root": "npm:1" }),
    entry("web@npm:1", "web@npm:1.0.0"),
  ].join("");
  const packagesOf = (lock: string, workspace = "apps/api") =>
    shown(lockedWorkspace("yarn", workspace, reader({ "yarn.lock": lock })));
  const packages = ["of-root@1.0.0", "@a/a@1.0.0"];
  expect(packagesOf(text)).toEqual({ file: "yarn.lock", isComplete: false, packages });
  expect(packagesOf(text.replace(',"absent":"npm:1"', ""))).toMatchObject({ isComplete: true, packages });
  expect(packagesOf(text, "apps/other")).toBeNull();
  const first = '# yarn lockfile v1\n\n\na@1:\n  version "1.0.0"\n\nb@1:\n  version "1.1.0"\n';
  expect(packagesOf(first)?.packages).toEqual(["a@1.0.0", "b@1.1.0"]);
});

const bunLock = `{
  "lockfileVersion": 1,
  "workspaces": {
    "": { "name": "root", "dependencies": { "of-root": "1" }, },
    "apps/api": { "name": "@m/api", "dependencies": { "@m/lib": "workspace:*", "a": "1" }, "devDependencies": { "tool": "1" }, },
    "apps/web": { "name": "@m/web", "dependencies": { "web": "1" }, },
    "libs/lib": { "name": "@m/lib", "dependencies": { "a": "2" }, },
  },
  "packages": {
    "@m/api": ["@m/api@workspace:apps/api"],
    "@m/lib": ["@m/lib@workspace:libs/lib"],
    "of-root": ["of-root@1.0.0", "", {}, "${integrity}"],
    "a": ["a@1.0.0", "", { "dependencies": { "b": "1" }, "optionalPeers": ["web"] }, ""],
    "@m/lib/a": ["a@2.0.0", "", { "dependencies": { "b": "2", "c": "1" } }, ""],
    "@m/lib/a/b": ["b@2.0.0", "", {}, ""],
    "b": ["b@1.0.0", "", {}, ""],
    "c": ["c@github:c/c#1", {}, "c-c-1"],
    "tool": ["tool@1.0.0", "", { "peerDependencies": { "d": "*" } }, ""],
    "d": ["d@1.0.0", "", {}, ""],
    "web": ["web@1.0.0", "", {}, ""],
  }
}
`;

test("a workspace of bun has the packages that it and the root reach, and an app all", () => {
  const packagesOf = (workspace: string) =>
    shown(lockedWorkspace("bun", workspace, reader({ "bun.lock": bunLock })));
  const packages = [`of-root@1.0.0 ${sha512}`, "a@1.0.0", "b@1.0.0", "a@2.0.0", "b@2.0.0"];
  const ofDevelopment = ["tool@1.0.0 excluded", "d@1.0.0 excluded"];
  const { packages: ofApi = [], ...more } = packagesOf("apps/api") ?? {};
  expect(more).toEqual({ file: "bun.lock", isComplete: false });
  expect(ofApi.toSorted()).toEqual([...packages, ...ofDevelopment].toSorted());
  expect(packagesOf("apps/web")).toEqual({
    file: "bun.lock",
    isComplete: true,
    packages: [`of-root@1.0.0 ${sha512}`, "web@1.0.0"],
  });
  expect(packagesOf("apps/other")).toBeNull();
  expect(found("nodejs", { "bun.lock": bunLock })?.packages.toSorted()).toEqual(
    [...packages, ...ofDevelopment, "web@1.0.0"].toSorted(),
  );
});

test.each<[string, string]>([
  ["a key that no path can have", "b".repeat(4_097)],
  ["more dependencies than can be followed", `${"a/".repeat(1_500)}a`],
])("a lock file of bun with %s is not read", (_what, key) => {
  const dependencies = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`x${index}`, "1"]));
  const packages = { [key]: ["a@1.0.0", "", { dependencies }, ""] };
  const names = { [key]: "1" };
  const text = JSON.stringify({ workspaces: { "": { dependencies: names }, w: {} }, packages });
  expect(lockedWorkspace("bun", "w", reader({ "bun.lock": text }))).toBeNull();
});

test("an app with lock files of several languages has the packages of all", () => {
  const files = {
    "package-lock.json": JSON.stringify({ packages: { "node_modules/a": { version: "1.0.0" } } }),
    "go.mod": "module x\nrequire example.com/b v1.0.0\n",
  };
  const locked = lockedPackages(["go", "ruby", "nodejs"], reader(files));
  expect(locked?.files).toEqual(["go.mod", "package-lock.json"]);
  expect(locked?.packages.map(({ name }) => name)).toEqual(["example.com/b", "a"]);
});
