// The nodejs buildpack's messages about installs. The outputs and files were recorded from runs of the package managers.

import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { defaultStacksDir } from "./stack-files.ts";
import { runAsContainer } from "../test-support/container.ts";

const library = join(defaultStacksDir, "buildpacks/nodejs/lib");

interface Installed {
  /** Name of lib/managers/NAME.sh. */
  readonly manager: string;
  /** Output of the package manager. */
  readonly prints: string;
  readonly exitCode?: number;
  /** Output of the package manager's other commands, by first argument. */
  readonly commands?: Readonly<Record<string, string>>;
  /** Files of the app. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Runs an install with a program in place of the package manager that prints and exits as recorded. */
async function install({ manager, prints, exitCode = 0, commands = {}, files = {} }: Installed) {
  await using folder = await mkdtempDisposable(join(tmpdir(), "nodejs-install-"));
  const program = manager.replace(/-1$/, "");
  const others = Object.entries(commands).map(
    ([name, text]) => `${name}) cat <<'END'\n${text}\nEND\nexit ;;`,
  );
  const written: Readonly<Record<string, string>> = {
    "app/package.json": "{}",
    [`bin/${program}`]: `#!/bin/bash\ncase $1 in\n${others.join("\n")}\nesac\ncat <<'END'\n${prints}\nEND\nexit ${exitCode}\n`,
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`app/${name}`, text])),
  };
  for (const [name, text] of Object.entries(written)) {
    await mkdir(dirname(join(folder.path, name)), { recursive: true });
    await writeFile(join(folder.path, name), text, { mode: 0o755 });
  }
  const parts = ["../../lib/output", "app", "registry", "dependencies", "workspace", `managers/${manager}`];
  const script = `set -euo pipefail
    BUILD=${folder.path}/app APP=$BUILD WORKSPACE= CACHE=${folder.path}/cache SCRATCH=${folder.path}
    NODE_BIN=${folder.path}/bin MANAGER=${program} REGISTRY=http://localhost CA_FILE=
    export PATH=$NODE_BIN:$PATH
    ${parts.map((part) => `source ${library}/${part}.sh`).join("\n")}
    install_dependencies production`;
  const { output, errors, exitCode: code } = await runAsContainer(["/bin/bash", "-c", script], {});
  expect(errors).toBe("");
  return { output, code };
}

const usage = (lines: readonly string[], prefix: string) =>
  [
    "code EUSAGE",
    "",
    "`npm ci` can only install packages when your package.json and package-lock.json are in sync. Please update your lock file with `npm install` before continuing.",
    "",
    ...lines,
    "",
    "Clean install a project",
    "",
    "Usage:",
    "npm ci",
    "",
    "Options:",
    "[--install-strategy <hoisted|nested|shallow|linked>] [--legacy-bundling]",
    'Run "npm help ci" for more info',
  ]
    .map((line) => `npm ${prefix} ${line}`)
    .join("\n");

test.each([
  ["error", "package-lock.json"],
  ["ERR!", "npm-shrinkwrap.json"],
])(
  "of a lock file that package.json disagrees with, npm's output (npm %s) becomes the first five packages",
  async (prefix, lockFile) => {
    const missing = ["a@1.0.0", "b@1.0.0", "@c/d@1.0.0", "e@1.0.0", "f@1.0.0"];
    const lines = [
      "Invalid: lock file's core-js@3.40.0 does not satisfy core-js@3.39.0",
      ...missing.map((id) => `Missing: ${id} from lock file`),
    ];
    const { output, code } = await install({
      manager: "npm",
      prints: `npm warn something\n${usage(lines, prefix)}`,
      exitCode: 1,
      files: { [lockFile]: "{}" },
    });
    expect(code).toBe(1);
    expect(output.split("\n").slice(2)).toEqual([
      "       npm warn something",
      ` !     package.json and ${lockFile} do not agree:`,
      ` !       ${lockFile} has core-js@3.40.0 instead of core-js@3.39.0`,
      ` !       ${lockFile} does not have a@1.0.0`,
      ` !       ${lockFile} does not have b@1.0.0`,
      ` !       ${lockFile} does not have @c/d@1.0.0`,
      ` !       ${lockFile} does not have e@1.0.0`,
      " !       and 1 more",
      ` !     To fix it: run npm install and add the changed ${lockFile} to the source.`,
      "",
    ]);
  },
);

test("of a lock file that npm cannot use, the output has npm's reason without its usage", async () => {
  const reason =
    "The `npm ci` command can only install with an existing package-lock.json or npm-shrinkwrap.json with lockfileVersion >= 1.";
  const prints = ["code EUSAGE", "", reason, "", "Clean install a project", "", "Usage:", "npm ci"];
  const { output } = await install({
    manager: "npm",
    prints: prints.map((line) => `npm error ${line}`).join("\n"),
    exitCode: 1,
    files: { "package-lock.json": "{}" },
  });
  expect(output.split("\n").slice(2)).toEqual([
    " !     npm cannot use package-lock.json:",
    ` !     ${reason}`,
    "",
  ]);
});

const npm = (verb: string) => `
added 3 packages in 5s
npm warn install-scripts 2 packages ${verb} by allowScripts:
npm warn install-scripts   @a/core@3.40.0 (postinstall: node -e "try{require('./postinstall')}catch(e){}")
npm warn install-scripts   utf-8-validate@6.0.5 (install: node-gyp-build)
npm warn install-scripts
npm warn install-scripts Run \`npm install-scripts ls\` to review, or \`npm install-scripts approve <pkg>\` to allow.`;
const npm12 = npm("had install scripts blocked because they are not covered");
const pnpm10 = `╭ Warning ─────────────────────────────────────────────────────────────────────╮
│   Ignored build scripts: @a/core@3.40.0, utf-8-validate@6.0.5.               │
╰──────────────────────────────────────────────────────────────────────────────╯`;
const pnpm12 = "Error: ERR_PNPM_IGNORED_BUILDS\n  × installing dependencies";
const yarn = `➤ YN0000: ┌ Link step
➤ YN0004: │ @a/core@npm:3.40.0 lists build scripts, but all build scripts have been disabled.
➤ YN0004: │ utf-8-validate@npm:6.0.5 lists build scripts, but all build scripts have been disabled.
➤ YN0005: │ husky@npm:4.0.0 lists build scripts, but its build has been explicitly disabled through configuration.`;
const modules10 = `hoistPattern:
  - '*'
ignoredBuilds:
  - utf-8-validate@6.0.5
  - '@a/core@3.40.0'
included:
  dependencies: true
packageManager: pnpm@10.28.0
`;
const modules12 = `{
  "ignoredBuilds": [
    "@a/core@3.40.0",
    "utf-8-validate@6.0.5"
  ],
  "packageManager": "pnpm@12.21.0"
}`;
const untrusted = `bun pm untrusted v1.4.5 (a7733435c)

./node_modules/@a/core @3.40.0
 » [postinstall]: node -e "try{require('./postinstall')}catch(e){}"

./node_modules/ms/node_modules/utf-8-validate @6.0.5
 » [install]: node-gyp-build

These dependencies had their lifecycle scripts blocked during install.`;

test.each<[string, string, Installed]>([
  [
    "npm 12",
    "run npm install-scripts approve @a/core utf-8-validate and add",
    { manager: "npm", prints: npm12 },
  ],
  [
    "pnpm 10",
    "run pnpm approve-builds and add",
    { manager: "pnpm", prints: pnpm10, files: { "node_modules/.modules.yaml": modules10 } },
  ],
  [
    "pnpm 12, which fails then,",
    "run pnpm approve-builds and add",
    { manager: "pnpm", prints: pnpm12, exitCode: 1, files: { "node_modules/.modules.yaml": modules12 } },
  ],
  ["yarn 4", "for each (@a/core utf-8-validate)", { manager: "yarn", prints: yarn }],
  [
    "bun",
    "run bun pm trust @a/core utf-8-validate and add",
    {
      manager: "bun",
      prints: "3 packages installed\n\nBlocked 2 postinstalls. Run `bun pm untrusted` for details.",
      commands: { pm: untrusted },
    },
  ],
])(
  "the log names packages whose install scripts %s blocked, and says how to allow them",
  async (_name, allow, run) => {
    const { output, code } = await install(run);
    expect(output).toContain(
      ` !     ${run.manager} did not run the install scripts of these packages, because the app does not allow them: @a/core@3.40.0, utf-8-validate@6.0.5.\n`,
    );
    expect(output).toContain(` !     If the app needs them: `);
    expect(output).toContain(allow);
    expect(output.includes("neither allowed nor denied")).toBe(code === 1);
    expect(code).toBe(run.exitCode ?? 0);
  },
);

test.each<[string, Installed]>([
  ["npm 11, which only warns", { manager: "npm", prints: npm("have install scripts not yet covered") }],
  [
    "pnpm 10",
    {
      manager: "pnpm",
      prints: "done",
      files: {
        "node_modules/.modules.yaml": '{\n  "ignoredBuilds": [],\n  "packageManager": "pnpm@10.28.0"\n}',
      },
    },
  ],
  ["yarn 1", { manager: "yarn-1", prints: "success" }],
  ["bun", { manager: "bun", prints: "3 packages installed", commands: { pm: untrusted } }],
])("the log does not mention install scripts that %s ran", async (_name, run) => {
  const { output, code } = await install(run);
  expect(output).not.toContain("did not run the install scripts");
  expect(code).toBe(0);
});

test("the log names at most ten packages whose install scripts were blocked", async () => {
  const lines = Array.from(
    { length: 12 },
    (_, at) => `npm warn install-scripts   p${10 + at}@1.0.0 (install: x)`,
  );
  const head = "npm warn install-scripts 12 packages had install scripts blocked because";
  const { output } = await install({ manager: "npm", prints: [head, ...lines].join("\n") });
  expect(output).toContain("p10@1.0.0, p11@1.0.0, ");
  expect(output).toContain("p19@1.0.0, 2 more.\n");
});
