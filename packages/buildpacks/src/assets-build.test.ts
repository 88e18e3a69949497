// Assets of apps in Ruby, built by this machine's npm in a temporary folder instead of a build container.

import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openRunner, type Runner } from "../test-support/runner.ts";

/** The apps of this file have no dependencies. */
const noRegistry = "http://127.0.0.1:9";
let runner: Runner;

beforeEach(async () => {
  runner = await openRunner(noRegistry);
});
afterEach(() => runner[Symbol.asyncDispose]());

const app = {
  Gemfile: "",
  "Gemfile.lock": "",
  "config.ru": "",
  Rakefile: "",
  "package.json": JSON.stringify({
    name: "app",
    version: "1.0.0",
    scripts: { build: "node build.js" },
  }),
  "package-lock.json": JSON.stringify({
    name: "app",
    version: "1.0.0",
    lockfileVersion: 3,
    packages: { "": { name: "app", version: "1.0.0" } },
  }),
  "build.js":
    'const fs = require("fs"); fs.mkdirSync("public"); fs.writeFileSync("public/app.js", "built by " + process.env.NODE_ENV)',
};
/** The bin/compile of a ruby buildpack that only reports what it finds. */
const echoScript = `#!/bin/bash
cd "$1"; shift 3
echo "ruby: $* $NODE_ENV $SKIP_YARN_INSTALL $VITE_RUBY_SKIP_ASSETS_PRECOMPILE_INSTALL"
echo "settings: $(sed -n 's/^registry=//p' "$npm_config_globalconfig")"
cat public/app.js node_modules/tool/index.js
tool
`;

async function built(files: Readonly<Record<string, string>>, ...runnerArguments: readonly string[]) {
  for (const [name, text] of Object.entries({ ...app, ...files })) await runner.put(`build/${name}`, text);
  await runner.put("build/node_modules/.bin/tool", "#!/bin/sh\necho ' tool'\n", 0o755);
  await runner.put("build/node_modules/tool/index.js", ", tool");
  await runner.put("buildpacks/ruby/bin/compile", echoScript, 0o755);
  return runner.run({ BUILDPACK_NAME: "ruby" }, ...runnerArguments);
}

const exists = (path: string) =>
  access(join(runner.work, path)).then(
    () => true,
    () => false,
  );

test("the script build runs before the buildpack of Ruby, which finds its output, the packages and the settings", async () => {
  const { output } = await built({}, "assets=installed", "installed=.gems");
  expect(output).toMatch(
    /Ruby app detected\n-----> Running the script build\n[^]*ruby: installed production 1 true/,
  );
  expect(output).toContain("settings: http://127.0.0.1:9/\nbuilt by production, tool tool\n");
  expect(output).not.toContain("Installing dependencies");
  expect(await runner.result("buildpack")).toBe("ruby\n");
});

test("packages that the image has stay out of the app, and so do those that were installed for the build alone", async () => {
  await built({}, "assets=installed");
  expect(await exists("app/public/app.js")).toBe(true);
  expect(await exists("app/node_modules")).toBe(false);
  expect(await exists("build/node_modules/tool")).toBe(true);
});

test("jsbundling-rails runs the script build itself", async () => {
  const files = {
    "Gemfile.lock": "GEM\n  specs:\n    jsbundling-rails (1.3.1)\n",
    "public/app.js": "by the gem",
  };
  const { output } = await built(files, "assets=installed");
  expect(output).toContain("rake assets:precompile runs the script build, because jsbundling-rails");
  expect(output).toContain("by the gem, tool");
});

test.each([
  ["removed", false],
  ["kept", true],
])("packages of a build of everything are %s", async (mode, isKept) => {
  const restoring = `#!/bin/bash\nmkdir -p "$1/node_modules/tool"\necho >"$1/node_modules/tool/index.js"\n`;
  for (const [name, text] of Object.entries(app)) await runner.put(`build/${name}`, text);
  await runner.put("cache/bundler/a", "");
  await runner.put("buildpacks/ruby/bin/compile", restoring, 0o755);
  const { output } = await runner.run({}, `assets=${mode}`);
  expect(output).toContain("npm ci --include=dev");
  expect(output.includes("Pruning devDependencies")).toBe(isKept);
  expect(await exists("build/node_modules")).toBe(isKept);
  expect(await readFile(join(runner.work, "build/public/app.js"), "utf8")).toBe("built by production");
  expect(await exists("cache/bundler/a")).toBe(true);
});

test("node_modules in other folders that the install made are removed, and those of the source and of the output are not", async () => {
  const install = "mkdir -p packages/a/node_modules/x public/node_modules/x";
  const manifest = {
    name: "app",
    version: "1.0.0",
    scripts: { build: "node build.js", postinstall: install },
  };
  const files = {
    ...app,
    "package.json": JSON.stringify(manifest),
    "build.js": 'require("fs").mkdirSync("public/build/node_modules/x", { recursive: true })',
    "packages/a/index.js": "",
    "public/node_modules/served.js": "",
  };
  for (const [name, text] of Object.entries(files)) await runner.put(`build/${name}`, text);
  await runner.put("buildpacks/ruby/bin/compile", "#!/bin/bash\n", 0o755);
  const { output, exitCode } = await runner.run({}, "assets=removed");
  expect([exitCode, output]).toEqual([0, expect.any(String)]);
  expect(await exists("build/packages/a")).toBe(true);
  expect(await exists("build/packages/a/node_modules")).toBe(false);
  expect(await exists("build/public/node_modules/served.js")).toBe(true);
  expect(await exists("build/public/build/node_modules/x")).toBe(true);
});

test("an install that fails says how the app is built without Node.js", async () => {
  for (const [name, text] of Object.entries({ ...app, "package-lock.json": "{" }))
    await runner.put(`build/${name}`, text);
  const { output, exitCode } = await runner.run({}, "assets=removed");
  expect(exitCode).toBe(1);
  expect(output).toMatch(
    /npm ci[^]* !     .*\n !     .*DISABLE_NODE_ASSETS=1 leaves Node\.js out of its build/,
  );
});
