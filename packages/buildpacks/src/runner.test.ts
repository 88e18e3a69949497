// The build runner, run by this machine's bash in a temporary folder instead of a build container.

import { access, chmod, readdir, readFile, rm, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readEntries } from "@slipway/tar";
import { appOf } from "./result-app.ts";
import { resultOf } from "./result.ts";
import { openRunner, type Runner } from "../test-support/runner.ts";

const compileOk = '#!/bin/bash\necho "-----> compiling"\necho made >"$1/made"\n';
let runner: Runner;
let work: string;

beforeEach(async () => {
  runner = await openRunner();
  ({ work } = runner);
});
afterEach(() => runner[Symbol.asyncDispose]());

const put = (path: string, text: string) => runner.put(path, text);
const result = (name: string) => runner.result(name);

async function putInline(compile: string, root = "build"): Promise<void> {
  await put(`${root}/bin/detect`, "#!/bin/sh\necho Mine\n");
  await put(`${root}/bin/compile`, compile);
}

async function run(variables: Record<string, string> = {}) {
  const { errors, ...outcome } = await runner.run(variables);
  const isTar = await resultOf(Buffer.from(errors)).then(
    () => true,
    () => false,
  );
  expect({ isTar, isEmpty: errors === "" }).toEqual({
    isTar: outcome.exitCode === 0,
    isEmpty: outcome.exitCode !== 0,
  });
  return outcome;
}

test("an app with its own scripts is built, and its release, Procfile and .slugignore are in the result", async () => {
  await putInline(compileOk);
  await put("build/bin/release", "#!/bin/sh\necho 'default_process_types: {web: x}'\n");
  await put("build/Procfile", "web: y\n");
  await put("build/.slugignore", "docs\n");
  expect(await run()).toEqual({ exitCode: 0, output: "-----> Mine app detected\n-----> compiling\n" });
  expect(await result("buildpack")).toBe("inline\n");
  expect(await result("release.yml")).toBe("default_process_types: {web: x}\n");
  expect(await result("Procfile")).toBe("web: y\n");
  expect(await result("slugignore")).toBe("docs\n");
  expect(await readFile(join(work, "build/made"), "utf8")).toBe("made\n");
});

test("the result contains the files of a small app, as a folder", async () => {
  await putInline(
    '#!/bin/bash\nmkdir "$1/b" && echo x >"$1/b/x" && ln "$1/b/x" "$1/a" && ln -s /etc "$1/c"\n',
  );
  await run();
  const tar = await readFile(join(work, "result/app.tar"));
  const entries = readEntries(await appOf(tar, "build"), {});
  const found = await Array.fromAsync(entries, ({ kind, path }) => `${kind} ${path}`);
  expect(found.filter((entry) => !entry.includes("/bin"))).toEqual([
    "directory build/",
    "file build/a",
    "directory build/b/",
    "hardlink build/b/x",
    "symlink build/c",
  ]);
});

test.each([
  ["of a large app", 'head -c 200000 /dev/zero >"$1/large"'],
  ["of an app with many files", 'mkdir "$1/many" && touch "$1/many/"{1..200}'],
  ["of an app whose folder the build replaced by a link", 'mv "$1" "$1.moved" && ln -s "$1.moved" "$1"'],
])("the result does not contain the files %s", async (_name, compile) => {
  await putInline(`#!/bin/bash\n${compile}\n`);
  expect((await run()).exitCode).toBe(0);
  await expect(access(join(work, "result/app.tar"))).rejects.toThrow("ENOENT");
});

test("a failing bin/compile fails the build, with its output in order", async () => {
  await putInline("#!/bin/bash\necho one\necho two >&2\necho three\nexit 7\n");
  const { exitCode, output } = await run();
  expect(exitCode).toBe(7);
  expect(output).toMatch(/one\ntwo\nthree\n$/);
  await expect(access(join(work, "result/buildpack"))).rejects.toThrow("ENOENT");
});

test.each(["detect", "compile", "release"])(
  "a bin/%s with the line endings of Windows fails the build with what to do",
  async (name) => {
    await putInline(compileOk);
    await put(`build/bin/${name}`, "#!/bin/bash\r\necho Mine\r\n");
    expect(await run()).toEqual({
      exitCode: 1,
      output:
        ` !     The first line of bin/${name} ends with a carriage return: the file has the line endings of Windows.\n` +
        ` !     Convert it with sed -i 's/\\r$//' bin/${name}, and add the line bin/* text eol=lf to .gitattributes.\n`,
    });
  },
);

test("the line endings of scripts that are not run do not fail the build", async () => {
  await put("build/bin/detect", "#!/bin/bash\r\n");
  await put("build/index.html", "");
  expect((await run()).output).not.toContain("line endings");
  await putInline(compileOk);
  await put("build/bin/start", "#!/bin/bash\r\n");
  await put("build/bin/release", "#!/bin/sh\nprintf 'default_process_types: {web: x}\r\n'\n# \r\n");
  expect((await run()).exitCode).toBe(0);
});

test("a process that a script leaves behind does not delay the build", async () => {
  const compile = "#!/bin/bash\nsleep 600 &\necho compiled\n";
  await putInline(compile);
  await put("build/bin/detect", "#!/bin/sh\nsleep 600 &\necho Mine\n");
  await put("build/bin/release", "#!/bin/sh\nsleep 600 &\necho 'default_process_types: {web: x}'\n");
  expect(await run()).toEqual({ exitCode: 0, output: "-----> Mine app detected\ncompiled\n" });
  expect(await result("release.yml")).toBe("default_process_types: {web: x}\n");
});

test("config variables reach the build unchanged, except protected ones", async () => {
  await putInline(
    '#!/bin/bash\nprintf "%s|%s|%s|%s" "$A" "${LD_PRELOAD:-none}" "$HOME" "$(ls "$3" | paste -sd " ")"\n',
  );
  const variables = {
    A: " two\nlines\n",
    LD_PRELOAD: "/x.so",
    HOME: "/evil",
    UID: "0",
    IFS: "x",
    BASH_ENV: "/evil",
  };
  const { exitCode, output } = await run(variables);
  expect(exitCode).toBe(0);
  expect(output).toContain(" two\nlines\n|none|/app|A BASH_ENV HOME IFS LD_PRELOAD UID");
});

test("an app's own HOSTNAME reaches its build", async () => {
  await putInline("#!/bin/bash\nprintenv HOSTNAME\n");
  expect((await run({ HOSTNAME: "0.0.0.0" })).output).toContain("\n0.0.0.0\n");
});

test("when no buildpack recognizes the source, the output says what each looks for", async () => {
  await put("build/README.md", "");
  const { exitCode, output } = await run();
  expect(exitCode).toBe(1);
  expect(output).toMatch(
    /No buildpack fits this app.*\n.*inline .*bin\/detect.*\n.*php .*composer\.json.*\n.*ruby .*Gemfile.*\n.*nodejs .*package\.json\n.*python .*requirements\.txt.*\n.*go .*go\.mod.*\n.*static .*index\.html/,
  );
  expect(output).toContain("README.md");
});

test("a buildpack chosen by name must recognize the source", async () => {
  await putInline(compileOk);
  const { exitCode, output } = await run({ BUILDPACK_NAME: "static" });
  expect(exitCode).toBe(1);
  expect(output).toContain("The buildpack static, chosen by BUILDPACK_NAME, does not fit this app.");
});

test("PROJECT_DIR replaces the root of the source", async () => {
  await putInline(compileOk, "build/sub/app");
  await put("build/other", "");
  const { exitCode, output } = await run({ PROJECT_DIR: "sub/app" });
  expect(output).toContain("Building the directory sub/app only");
  expect(exitCode).toBe(0);
  await access(join(work, "build/made"));
  await expect(access(join(work, "build/other"))).rejects.toThrow("ENOENT");
});

const workspaceOf = async (
  files: Readonly<Record<string, string>>,
  ...runnerArguments: readonly string[]
) => {
  for (const [name, text] of Object.entries(files)) await put(`build/${name}`, text);
  const echoScript =
    '#!/bin/bash\necho "workspace=$SLIPWAY_WORKSPACE"; cd "$1"; find . -type f | sort | paste -sd " "\n';
  for (const name of ["compile", "release"])
    await runner.put(`buildpacks/nodejs/bin/${name}`, echoScript, 0o755);
  return await runner.run({ PROJECT_DIR: "apps/api" }, ...runnerArguments);
};

test("a workspace of a monorepo is built with the whole source, and its Procfile counts", async () => {
  const { exitCode, output } = await workspaceOf(
    {
      "package.json": '{"workspaces":["apps/*"]}',
      "apps/api/package.json": "{}",
      "apps/api/Procfile": "web: x\n",
      "lib/a": "",
    },
    "monorepo=",
  );
  expect(exitCode).toBe(0);
  expect(output).toContain(
    "-----> Building the workspace apps/api of a monorepo\nworkspace=apps/api\n./apps/api/Procfile",
  );
  expect(output).toContain("./lib/a");
  expect(await result("Procfile")).toBe("web: x\n");
});

test("only the folder of a front end that is a workspace is served", async () => {
  await workspaceOf({});
  await put("build/package.json", '{"workspaces":["apps/*"]}');
  await put("build/apps/web/package.json", "{}");
  await runner.put(
    "buildpacks/static/bin/compile",
    '#!/bin/bash\necho "static:"; cd "$1"; find . -type f\n',
    0o755,
  );
  const { output } = await runner.run({ PROJECT_DIR: "apps/web" }, "front-end", "monorepo=");
  expect(output).toContain("workspace=apps/web\n./apps/web/package.json ./package.json\n");
  expect(output).toContain("static:\n./package.json\n");
  expect(output).not.toContain("static:\n./apps");
});

test("a workspace is built with its monorepo, which may be a folder of the source", async () => {
  const files = { "other/a": "", "package.json": "{}", "apps/api/package.json": "{}", "apps/lib/a": "" };
  const { output } = await workspaceOf(files, "monorepo=apps");
  expect(output).toContain("-----> Building the workspace api of a monorepo\nworkspace=api\n");
  expect(output).toContain("./api/package.json ./lib/a\n");
});

test("PROJECT_DIR that is no workspace is built alone", async () => {
  const files = { "package.json": '{"workspaces":["apps/*"]}', "apps/api/package.json": "{}" };
  const { output } = await workspaceOf(files);
  expect(output).toContain("-----> Building the directory apps/api only\nworkspace=\n./");
  expect(output).not.toContain("./apps");
});

test.each([
  [
    "the command of the plan",
    ["web=npm run start:prod"],
    "---\ndefault_process_types:\n  web: npm run start:prod\n",
  ],
  ["no command when the plan has none", [], "--- {}\n"],
])("a Node.js app starts with %s", async (_what, runnerArguments, release) => {
  await put("build/package.json", '{"scripts":{"start":"x"},"main":"a.js"}');
  await put("build/server.js", "");
  await runner.put("buildpacks/nodejs/bin/compile", "#!/bin/bash\n", 0o755);
  expect((await runner.run({}, ...runnerArguments)).exitCode).toBe(0);
  expect(await result("release.yml")).toBe(release);
});

test.each(["..", "../cache", "/etc", "missing", "file"])("PROJECT_DIR %j is rejected", async (directory) => {
  await putInline(compileOk);
  await put("build/file", "");
  const { exitCode, output } = await run({ PROJECT_DIR: directory });
  expect(exitCode).toBe(1);
  expect(output).toContain(" !     PROJECT_DIR is");
});

test("a config variable may have the name of a variable of the runner", async () => {
  const names = [
    "file",
    "name",
    "value",
    "arguments",
    "assignments",
    "PROTECTED",
    "EXPORTS",
    "ENV_DIR",
    "PACKS",
  ];
  await putInline(`#!/bin/bash\nfor one in ${names.join(" ")}; do printenv "$one"; done >"$1/seen"\n`);
  const { exitCode } = await run(Object.fromEntries(names.map((name) => [name, `/its ${name}`])));
  expect(exitCode).toBe(0);
  const seen = await readFile(join(work, "build/seen"), "utf8");
  expect(seen).toBe(names.map((name) => `/its ${name}\n`).join(""));
});

test("a build says whether it left a cache", async () => {
  await putInline(compileOk);
  await run();
  expect(await hasResult("no-cache")).toBe(true);
  await rm(join(work, "result/no-cache"));
  await putInline('#!/bin/bash\necho kept >"$2/.hidden"\n');
  await run();
  expect(await hasResult("no-cache")).toBe(false);
});

test.each([
  ["nothing", ":", true],
  ["other files of the app", 'echo x >"$1/x"', true],
  ["caches of tools", "mkdir .cache .vite-temp; echo x >.cache/x; rm -r .vite-temp", true],
  ["a file", "echo y >a/index.js", false],
  ["a file, and resets its time", "echo y >a/index.js; touch -d @0 a/index.js a .", false],
  ["a mode", "chmod +x a/index.js", false],
  ["a new package", "mkdir -p c/lib", false],
  ["a removed package", "rm -r b", false],
  ["a removed file", "rm a/index.js", false],
  ["a moved file", "mv a/index.js b/moved.js", false],
  ["a new folder in its place", "cd ..; rm -r node_modules; mkdir node_modules", false],
  ["a link in its place", "cd ..; mv node_modules elsewhere; ln -s elsewhere node_modules", false],
])(
  "a build on installed dependencies that changes %s in node_modules is noticed: %#",
  async (_what, script, keeps) => {
    await put("build/node_modules/a/index.js", "x");
    await put("build/node_modules/b/index.js", "x");
    await put("build/node_modules/.package-lock.json", "{}");
    await putInline(`#!/bin/bash\ncd "$1/node_modules" && { ${script}; }\n`);
    const { exitCode } = await runner.run({}, "installed=node_modules");
    expect(exitCode).toBe(0);
    expect(await hasResult("same-dependencies")).toBe(keeps);
  },
);

test("a build without dependencies keeps them, unless it makes some", async () => {
  await putInline(compileOk);
  await runner.run({}, "installed=node_modules");
  expect(await hasResult("same-dependencies")).toBe(true);
  await runner[Symbol.asyncDispose]();
  runner = await openRunner();
  ({ work } = runner);
  await putInline('#!/bin/bash\nmkdir -p "$1/node_modules/made"\n');
  await runner.run({}, "installed=node_modules");
  expect(await hasResult("same-dependencies")).toBe(false);
});

test("the dependencies of a workspace and of those that it depends on stay apart from the app", async () => {
  const pack = (name: string, script: string) =>
    runner.put(`buildpacks/nodejs/bin/${name}`, `#!/bin/bash\n${script}\n`, 0o755);
  await pack("compile", 'echo made >"$1/packages/lib/dist.js"');
  await pack("release", "echo '--- {}'");
  const installed = ["node_modules/ms/index.js", "packages/lib/node_modules/ms/index.js"];
  const source = ["package.json", "apps/api/package.json", "packages/lib/package.json", "packages/other/x"];
  for (const path of [...installed, ...source]) await put(`build/${path}`, "{}");
  await chmod(join(work, "build/packages"), 0o750);
  const { exitCode } = await runner.run(
    { PROJECT_DIR: "apps/api" },
    "installed-below=node_modules",
    "monorepo=",
  );
  expect(exitCode).toBe(0);
  expect(await hasResult("same-dependencies")).toBe(true);
  expect(await filesBelow("app")).toEqual([...source, "packages/lib/dist.js"].toSorted());
  expect(await filesBelow("build")).toEqual(installed);
  expect((await stat(join(work, "app/packages"))).mode & 0o777).toBe(0o750);
});

test("the app of a front end on installed dependencies is the folder that is served", async () => {
  for (const [pack, name, script] of [
    ["nodejs", "compile", 'echo made >"$1/apps/web/index.html"'],
    ["static", "compile", 'rm "$1/package.json"'],
    ["static", "release", "echo '--- {}'"],
  ])
    await runner.put(`buildpacks/${pack}/bin/${name}`, `#!/bin/bash\n${script}\n`, 0o755);
  const installed = ["node_modules/ms/index.js", "apps/web/node_modules/ms/index.js"];
  for (const path of [...installed, "package.json", "apps/web/package.json"])
    await put(`build/${path}`, "{}");
  const { exitCode } = await runner.run(
    { PROJECT_DIR: "apps/web" },
    "installed-below=node_modules",
    "front-end",
    "monorepo=",
  );
  expect(exitCode).toBe(0);
  expect(await filesBelow("app")).toEqual(["index.html"]);
});

test("an install in a monorepo leaves nothing but dependencies", async () => {
  const script =
    'echo "workspace=$SLIPWAY_WORKSPACE"; mkdir -p "$1/lib/node_modules/x" "$1/lib/dist"; echo >"$1/lib/node_modules/x/y"';
  await runner.put("buildpacks/nodejs/bin/install", `#!/bin/bash\n${script}\n`, 0o755);
  for (const path of ["package.json", "lib/package.json", "apps/api/package.json"])
    await put(`build/${path}`, "{}");
  const { exitCode, output } = await runner.run({}, "install", "nodejs", "all", "workspace=apps/api");
  expect({ exitCode, output }).toMatchObject({ exitCode: 0, output: "workspace=apps/api\n" });
  expect(await readdir(join(work, "build"), { recursive: true })).toEqual([
    "lib",
    "lib/node_modules",
    "lib/node_modules/x",
    "lib/node_modules/x/y",
  ]);
});

/** Paths of the files below a folder, sorted. */
async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(work, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(join(work, folder), join(entry.parentPath, entry.name)))
    .toSorted();
}

async function hasResult(name: string): Promise<boolean> {
  return (await readdir(join(work, "result"))).includes(name);
}
