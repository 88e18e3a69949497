import { expect, test } from "vitest";
import { billOfMaterials } from "./bill.ts";
import { lockedPackages, lockedWorkspace, maxPackages } from "./index.ts";

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

test("the document names the image, the lock file and each version once, with the widest scope", () => {
  const dev = { type: "npm", name: "@a/b", version: "1.0.0+x", scope: "excluded", sha512 } as const;
  const text = billOfMaterials({
    version: "0.1.0",
    imageName: "apps/1",
    imageDigest: "sha256:0a",
    locked: {
      files: ["package-lock.json"],
      isComplete: true,
      packages: [{ ...dev, scope: "required" }, dev],
    },
  });
  expect(JSON.parse(text)).toMatchObject({
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: expect.stringMatching(
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/,
    ),
    metadata: {
      component: { type: "container", name: "apps/1", version: "sha256:0a" },
      properties: [
        { name: "slipway:complete", value: "true" },
        { name: "slipway:lock-file", value: "package-lock.json" },
      ],
    },
    components: [
      {
        type: "library",
        name: "@a/b",
        version: "1.0.0+x",
        scope: "required",
        purl: "pkg:npm/%40a/b@1.0.0%2Bx",
        hashes: [{ alg: "SHA-512", content: sha512 }],
      },
    ],
  });
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
  expect(shown(lockedWorkspace("apps/api", read))).toEqual({
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
  expect(lockedWorkspace("apps/other", read)).toBeNull();
  expect(lockedWorkspace("apps/api", reader({ "pnpm-lock.yaml": "x" }))).toBeNull();
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
  expect(lockedWorkspace("w", reader({ "package-lock.json": JSON.stringify({ packages }) }))).toBeNull();
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
