import { expect, test } from "vitest";
import { planNode } from "./plan.ts";

const lockOf = (packages: Readonly<Record<string, object>>) =>
  JSON.stringify({ name: "app", lockfileVersion: 3, packages: { "": { name: "app" }, ...packages } });
const typescript = { devDependencies: { typescript: "5.9.3" } };
const lockedTypescript = lockOf({ "node_modules/typescript": { dev: true, bin: { tsc: "bin/tsc" } } });

interface App {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly fields?: object;
  readonly files?: Readonly<Record<string, string>>;
  readonly variables?: Readonly<Record<string, string>>;
  readonly ownBuildpack?: boolean;
}

/** The warnings for an app, by default with a lock file of yarn 1, which does not list commands. */
function warningsOf({ scripts = {}, fields, files = {}, variables = {}, ownBuildpack = false }: App) {
  const all = {
    "package.json": JSON.stringify({ name: "app", scripts, ...fields }),
    ...("package-lock.json" in files ? {} : { "yarn.lock": "# yarn lockfile v1\n" }),
    ...files,
  };
  const content = new Map(Object.entries(all).map(([name, text]) => [name, Buffer.from(text)]));
  const read = (name: string) => content.get(name);
  return planNode({ read, names: [...content.keys()], variables, ownBuildpack }).warnings;
}

const advice = (needs: string, name: string, command = "npm start") =>
  `The web process (${command}) needs ${needs}, which is a devDependency. Images of releases have no devDependencies. ` +
  `Compile in the script "build" of package.json and start its output, or move ${name} to "dependencies".`;

const fastify = {
  "build:ts": "tsc",
  start: "npm run build:ts && fastify start -l info dist/app.js",
};

test.each<[string, string, string, App]>([
  ["a script that start runs", "tsc of typescript", "typescript", { scripts: fastify, fields: typescript }],
  [
    "a command of another name by npm's lock file",
    "eleventy of @11ty/eleventy",
    "@11ty/eleventy",
    {
      scripts: { start: "eleventy && node server.js" },
      fields: { devDependencies: { "@11ty/eleventy": "3" } },
      files: {
        "package-lock.json": lockOf({
          "node_modules/@11ty/eleventy": { dev: true, bin: { eleventy: "cmd.cjs" } },
        }),
      },
    },
  ],
  [
    "prestart",
    "tsc of typescript",
    "typescript",
    { scripts: { prestart: "tsc -p .", start: "node ." }, fields: typescript },
  ],
  [
    "npx",
    "tsx",
    "tsx",
    { scripts: { start: "PORT=1 npx tsx src/main.ts" }, fields: { devDependencies: { tsx: "4" } } },
  ],
  [
    "a path of node_modules/.bin",
    "ts-node",
    "ts-node",
    {
      scripts: { start: "./node_modules/.bin/ts-node main.ts" },
      fields: { devDependencies: { "ts-node": "10" } },
    },
  ],
  [
    "an option of Node.js",
    "ts-node",
    "ts-node",
    {
      scripts: { start: "node -r ts-node/register main.ts" },
      fields: { devDependencies: { "ts-node": "10" } },
    },
  ],
  [
    "another option of Node.js",
    "@swc-node/register",
    "@swc-node/register",
    {
      scripts: { start: "node --import=@swc-node/register/esm main.ts" },
      fields: { devDependencies: { "@swc-node/register": "1" } },
    },
  ],
  [
    "nest start",
    "nest of @nestjs/cli",
    "@nestjs/cli",
    { scripts: { start: "nest start" }, fields: { devDependencies: { "@nestjs/cli": "11" } } },
  ],
  [
    "a script of run-s",
    "npm-run-all",
    "npm-run-all",
    { scripts: { start: "npm-run-all serve" }, fields: { devDependencies: { "npm-run-all": "4" } } },
  ],
])("the log advises on a devDependency that the app starts with by %s", (_by, needs, name, app) => {
  expect(warningsOf(app)).toContain(advice(needs, name));
});

test("the log advises on the command of web in a Procfile instead of start", () => {
  const app = { scripts: fastify, fields: typescript };
  expect(warningsOf({ ...app, files: { Procfile: "web: tsc && node .\n" } })).toEqual([
    advice("tsc of typescript", "typescript", "tsc && node ."),
  ]);
  expect(warningsOf({ ...app, files: { Procfile: "web: node dist/app.js\nworker: tsc\n" } })).toEqual([]);
});

test.each<[string, App]>([
  ["is built before", { scripts: { build: "tsc", start: "node dist" }, fields: typescript }],
  [
    "starts a script's file of that name",
    { scripts: { build: "tsc", start: "node build" }, fields: typescript },
  ],
  [
    "has the package among its dependencies, too",
    { scripts: fastify, fields: { ...typescript, dependencies: { typescript: "5.9.3" } } },
  ],
  [
    "gets the command from a package that a dependency needs",
    {
      scripts: fastify,
      fields: typescript,
      files: { "package-lock.json": lockOf({ "node_modules/typescript": { bin: { tsc: "bin/tsc" } } }) },
    },
  ],
  [
    "keeps devDependencies by NODE_ENV",
    { scripts: fastify, fields: typescript, variables: { NODE_ENV: "staging" } },
  ],
  [
    "keeps devDependencies by NPM_CONFIG_PRODUCTION",
    { scripts: fastify, fields: typescript, variables: { NPM_CONFIG_PRODUCTION: "false" } },
  ],
  ["calls a file of its own", { scripts: { start: "./bin/tsc" }, fields: typescript }],
  ["only names it in an argument", { scripts: { start: "node server.js tsc" }, fields: typescript }],
  [
    "starts the result in Nest's start:prod",
    {
      scripts: { start: "nest start", "start:prod": "node dist/main" },
      fields: { devDependencies: { "@nestjs/cli": "11" } },
    },
  ],
  ["has a script that runs itself", { scripts: { start: "npm start" }, fields: typescript }],
  ["is its own buildpack", { scripts: fastify, fields: typescript, ownBuildpack: true }],
])("the log has no advice for an app that %s", (_what, app) => {
  expect(warningsOf(app)).toEqual([]);
});

test("the log advises on a command that only a devDependency's own dependencies provide", () => {
  const app = { scripts: { start: "tsc && node ." }, fields: { devDependencies: { "@tsconfig/kit": "1" } } };
  const files = { "package-lock.json": lockedTypescript };
  expect(warningsOf({ ...app, files })).toEqual([advice("tsc of typescript", "typescript")]);
});
