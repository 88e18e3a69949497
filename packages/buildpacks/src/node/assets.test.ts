import { expect, test } from "vitest";
import { planBuild, runnerArguments } from "../plan.ts";

type Files = Readonly<Record<string, string>>;
type Variables = Readonly<Record<string, string>>;

const viteFiles = {
  "package.json": JSON.stringify({ scripts: { build: "vite build" }, devDependencies: { vite: "1.0.0" } }),
  "package-lock.json": JSON.stringify({
    lockfileVersion: 3,
    packages: { "": {}, "node_modules/vite": { version: "1.0.0", dev: true } },
  }),
};
const composer = {
  "composer.json": '{"require":{"a/b":"1.0.0"}}',
  "composer.lock": '{"packages":[{"name":"a/b","dist":{"type":"zip","url":"https://example.com/b.zip"}}]}',
};
const laravel = { ...composer, ...viteFiles, "public/index.php": "<?php" };
const gems = (...names: readonly string[]) =>
  `GEM\n  specs:\n${names.map((name) => `    ${name} (1.0.0)\n`).join("")}`;
const rails = {
  Gemfile: "",
  "Gemfile.lock": gems("railties", "puma", "cssbundling-rails"),
  "config.ru": "",
  "package.json": '{"dependencies":{"a":"1.0.0"}}',
  "yarn.lock": '# yarn lockfile v1\n\na@1.0.0:\n  version "1.0.0"\n',
};

function composerApp(scripts: Readonly<Record<string, unknown>>): Files {
  const manifest = JSON.stringify({ require: { "a/b": "1.0.0" }, scripts });
  return { ...laravel, "composer.json": manifest, "package.json": '{"devDependencies":{"vite":"1.0.0"}}' };
}

function plan(files: Files, variables: Variables = {}) {
  const captured = new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));
  const names = [...new Set(Object.keys(files).map((path) => path.replace(/\/.*/, "/")))].sort();
  return planBuild({ captured, oversized: new Set(), names, variables, links: [] });
}

test("a PHP app with a build script and a lock file gets Node.js for its build, with an install apart from the source", () => {
  const { language, assets } = plan(laravel);
  expect(language).toMatchObject({ kind: "php", scripts: "build", releasedOn: "dependencies", warnings: [] });
  expect(language?.install?.folder).toBe("vendor");
  expect(assets).toMatchObject({ kind: "nodejs", releasedOn: "stack", packageManager: null });
  expect(assets?.install).toMatchObject({ folder: "node_modules", packageCount: 1 });
  expect([...(assets?.install?.files.keys() ?? [])]).toEqual(["package.json", "package-lock.json"]);
});

test("a Rails app without a build script, but with a gem that calls Node.js, gets Node.js with the package manager of its lock file", () => {
  expect(plan(rails).assets).toMatchObject({
    packageManager: { name: "yarn", lockfileVersion: "1" },
    install: { packageCount: 1 },
  });
});

test("Python and Go apps that BUILDPACK_NAME chooses get Node.js as well", () => {
  const flask = { ...viteFiles, "requirements.txt": "flask\n", Procfile: "web: flask run\n" };
  expect(plan(flask, { BUILDPACK_NAME: "python" })).toMatchObject({
    language: { kind: "python" },
    assets: { releasedOn: "stack" },
  });
  const go = plan({ ...viteFiles, "go.mod": "module a\n" }, { BUILDPACK_NAME: "go" });
  expect([go.language?.kind, go.assets?.install?.packageCount]).toEqual(["go", 1]);
});

test.each<[string, Files, Variables]>([
  ["no script of its build could use it", { ...laravel, "package.json": "{}" }, {}],
  ["no gem of a Rails app calls Node.js", { ...rails, "Gemfile.lock": gems("railties", "puma") }, {}],
  ["no script of Composer calls Node.js", composerApp({ "post-install-cmd": "@php artisan x" }), {}],
  ["only a script that no install runs calls Node.js", composerApp({ dev: "npm run dev" }), {}],
  ["DISABLE_ASSETS is set", laravel, { DISABLE_ASSETS: "1" }],
  ["DISABLE_NODE_ASSETS is set", laravel, { DISABLE_NODE_ASSETS: "1" }],
  ["it has no package.json", { ...composer, "public/index.php": "<?php" }, {}],
  ["it is a Node.js app", { ...viteFiles, "server.js": "" }, {}],
  ["it has its own buildpack", { ...laravel, "bin/detect": "", "bin/compile": "" }, {}],
])("an app gets no Node.js for its assets if %s", (_when, files, variables) => {
  expect(plan(files, variables).assets).toBeNull();
});

test.each<[string, unknown]>([
  ["a command", "npm run x"],
  ["a list of commands", ["@php x", "yarn && yarn x"]],
  ["a call of another script", ["@assets", "x"]],
  ["the table of Symfony", "@auto-scripts"],
])("a PHP app without a build script gets Node.js if a script of Composer calls it: %s", (_what, script) => {
  const others = { assets: "@again", again: "node x.js", "auto-scripts": { "npx x": "script" } };
  expect(plan(composerApp({ ...others, "post-install-cmd": script })).assets).not.toBeNull();
});

test("node_modules of the source stay: they are the app's, which may serve them", () => {
  const { language, assets } = plan({ ...laravel, "node_modules/x/x.js": "" });
  expect(assets).toBeNull();
  expect(language?.warnings).toEqual([expect.stringContaining("node_modules is part of the source")]);
  expect(runnerArguments({ language, assets, monorepo: null })).toEqual(["web=serve-php public"]);
});

test("a package.json that cannot be used is an error with the way to build the app without Node.js", () => {
  expect(() => plan({ ...laravel, "package.json": "{" })).toThrow(
    /package\.json is not valid JSON[^]*\nThe language of this app is PHP: DISABLE_NODE_ASSETS=1 leaves Node\.js out of its build\.$/,
  );
});

test("a build script without a lock file is warned about, because it does not run", () => {
  const { "package-lock.json": _lock, ...withoutLock } = laravel;
  const { assets, language } = plan(withoutLock);
  expect(assets).toBeNull();
  expect(language?.warnings).toEqual([expect.stringContaining("there is no lock file beside it")]);
});

test.each([
  ["node ssr.js & serve-php public", "kept"],
  ["bundle exec puma && npx x", "kept"],
  ["php -S 0.0.0.0:$PORT node.php", "removed"],
])("the packages of an app whose web process is %j are %s", (web, mode) => {
  const planned = plan({ ...laravel, Procfile: `web: ${web}\n` });
  expect(planned.assets?.releasedOn).toBe(mode === "kept" ? "dependencies" : "stack");
  expect(planned.assets?.install === null).toBe(mode === "kept");
  expect(runnerArguments(planned)).toContain(`assets=${mode}`);
});

test("a process that a deployment does not start needs no Node.js in the release", () => {
  const files = { ...laravel, Procfile: "web: serve-php public\njs: npm run dev\n" };
  expect(plan(files).assets?.releasedOn).toBe("stack");
});

test("packages that need the source are installed with the whole app", () => {
  const manifest = JSON.stringify({ scripts: { build: "x", postinstall: "node patch.js" } });
  expect(plan({ ...laravel, "package.json": manifest }).assets?.install).toBeNull();
});

test("an app without packages of its own language is built as a whole, beside those of its assets", () => {
  const { language, assets } = plan({ ...viteFiles, "index.php": "<?php", "vendor/x.php": "" });
  expect(language).toMatchObject({ kind: "php", install: null, scripts: "build" });
  expect(assets?.install).not.toBeNull();
});

test("the build runner gets what the image of the build has as an argument", () => {
  expect(runnerArguments(plan(laravel), { hasAssetPackages: true })).toEqual([
    "web=serve-php public",
    "assets=installed",
  ]);
});
