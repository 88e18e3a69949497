// Node.js apps in common forms: how they specify their version, start, and build, and the log's messages about mistakes.

import { text } from "node:stream/consumers";
import { expect, test, vi } from "vitest";
import { label } from "@slipway/core";
import { connectDocker, findContainers } from "@slipway/docker";
import { packTarGz, testEngine } from "@slipway/testkit";
import { lockedApp, npmLock } from "./lock-files.ts";
import { call, createApp, logOf, operated, page, showApp } from "./slipway.ts";

// The deployments of these tests wait for each other, because the workers run two at a time.
vi.setConfig({ testTimeout: 300_000 });

type Files = Readonly<Record<string, string>>;

/** A server that answers with the JSON of an expression. */
const answers = (expression: string) =>
  `require("node:http").createServer(async (request, response) => response.end(JSON.stringify(${expression})))
    .listen(process.env.PORT);`;
const lockOf = (manifest: object) =>
  JSON.stringify({ ...manifest, lockfileVersion: 3, packages: { "": manifest } });

/** An app without dependencies. */
function appOf(manifest: object, files: Files): Promise<Buffer> {
  const whole = { name: "app", version: "1.0.0", ...manifest };
  return packed({
    "package.json": JSON.stringify(whole),
    "package-lock.json": lockOf(whole),
    ...files,
  });
}

function packed(files: Files): Promise<Buffer> {
  return packTarGz(
    Object.fromEntries(Object.entries(files).map(([name, content]) => [`app/${name}`, content])),
  );
}

/** Deploys an app, by default a new one, which must start. @returns the log, and the app's answer. */
async function started(archive: Buffer, app?: string): Promise<{ name: string; log: string; says: unknown }> {
  const name = app ?? (await createApp("usual")).name;
  const log = await logOf(name, archive, "success");
  return { name, log, says: JSON.parse(await page(name)) };
}

/** Deploys a new app, whose build must fail. @returns the log. */
async function failed(archive: Buffer): Promise<string> {
  return logOf((await createApp("usual")).name, archive, "build-error");
}

const esm = `import { createServer } from "node:http";
  createServer((request, response) => response.end(JSON.stringify([process.version, import.meta.filename])))
    .listen(process.env.PORT);`;

test.concurrent("an app runs on the Node.js that it names, and starts by a script, its Procfile, main, start:prod of Nest or server.js", async () => {
  const server = answers("[process.version, process.argv[1]]");
  const startedOn = async (manifest: object, files: Files) => {
    const { says, log } = await started(await appOf(manifest, files));
    const [version = "", file] = says as readonly string[];
    return { version, line: Number(/^v(\d+)\./.exec(version)?.[1]), file, log };
  };
  const build = `require("node:fs").mkdirSync("dist"); require("node:fs").renameSync("main.js", "dist/main.js");`;
  const nest = { build: "node build.js", start: "nest start", "start:prod": "node dist/main" };
  const processes = "web: node lib/main.mjs\nworker: node a.js\nclock: node b.js\n";
  const [ltsName, twenty, file, either, newest, current, nothing] = await Promise.all([
    startedOn(
      { type: "module", scripts: { start: "node src/main.js" } },
      { ".nvmrc": "lts/*\n", "src/main.js": esm },
    ),
    startedOn({ scripts: nest }, { ".nvmrc": "v20\n", "build.js": build, "main.js": server }),
    startedOn({}, { ".node-version": "24\n", "lib/main.mjs": esm, Procfile: processes }),
    startedOn({ engines: { node: "22.x || 24.x" }, main: "./app.js" }, { "app.js": server }),
    startedOn({ engines: { node: "latest" } }, { "server.js": server }),
    startedOn({ engines: { node: "26.x" } }, { "server.js": server }),
    startedOn({}, { "server.js": server }),
  ]);
  expect([twenty, file, either, current].map(({ line }) => line)).toEqual([20, 24, 24, 26]);
  expect(either.version).toBe(file.version);
  expect(nothing.log).toContain(`Using the newest of the LTS line ${nothing.line}.x`);
  expect(nothing.line).toBeGreaterThanOrEqual(26);
  expect(ltsName.version).toBe(nothing.version);
  expect(newest.line).toBeGreaterThanOrEqual(nothing.line);

  expect([ltsName, twenty, file, either, nothing].map((app) => app.file)).toEqual([
    "/app/src/main.js",
    "/app/dist/main",
    "/app/lib/main.mjs",
    "/app/app.js",
    "/app/server.js",
  ]);
  expect(file.log).toContain("Not started: worker, clock.");
  expect(file.log).toContain("to run them now, start them from the command of web");
});

test.concurrent("an app that npm start starts resolves its host's name, has its own HOSTNAME, and receives SIGTERM when it is replaced", async () => {
  const { name } = await createApp("usual");
  const variables = [{ name: "HOSTNAME", value: "0.0.0.0" }];
  await call("PUT", `/v1/apps/${name}/variables`, { variables });
  const server = `${answers(`{
    variable: process.env.HOSTNAME,
    name: require("node:os").hostname(),
    family: (await require("node:dns/promises").lookup(require("node:os").hostname())).family,
  }`)}
    process.on("SIGTERM", () => { console.log("closed on SIGTERM"); process.exit(); });`;
  const { says } = await started(
    await appOf({ scripts: { start: "node main.js" } }, { "main.js": server }),
    name,
  );
  expect(says).toEqual({ variable: "0.0.0.0", name: `${name}-web-1`, family: 4 });

  using connection = connectDocker({ dockerHost: (await testEngine()).dockerHost });
  const { id } = await showApp(name);
  const [instance] = await findContainers(connection.docker, { [label.app]: id, [label.kind]: "release" });
  const output = text(
    await connection.docker
      .getContainer(instance?.Id ?? "")
      .attach({ stream: true, stdout: true, stderr: true }),
  );
  expect((await operated(await showApp(name), "restart")).status).toBe("done");
  expect(await output).toContain("closed on SIGTERM");
});

test.concurrent("an app of TypeScript is compiled with its devDependencies, and its release has none of them", async () => {
  const manifest = {
    name: "app",
    version: "1.0.0",
    scripts: { build: "tsc", start: "node dist/main.js" },
    devDependencies: { typescript: "5.9.3" },
  };
  const [typescript, integrity] = [
    "node_modules/typescript",
    // cspell:disable-next-line
    "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==",
  ];
  const resolved = "https://registry.npmjs.org/typescript/-/typescript-5.9.3.tgz";
  const bin = { tsc: "bin/tsc" };
  const packages = { "": manifest, [typescript]: { version: "5.9.3", resolved, integrity, dev: true, bin } };
  const { says, log } = await started(
    await packed({
      "package.json": JSON.stringify(manifest),
      "package-lock.json": JSON.stringify({ name: "app", version: "1.0.0", lockfileVersion: 3, packages }),
      "tsconfig.json": JSON.stringify({
        compilerOptions: { module: "commonjs", target: "es2022", outDir: "dist", rootDir: "src", types: [] },
      }),
      "src/main.ts": `declare const require: (name: string) => any, process: any;
        const left: readonly string[] = ["typescript", ".bin/tsc"];
        const fs = require("node:fs");
        ${answers('left.filter((name: string) => fs.existsSync("node_modules/" + name))').replace("(request, response)", "(request: unknown, response: any)")}`,
    }),
  );
  expect(log).toContain("Running the script build");
  expect(says).toEqual([]);
});

test.concurrent("a standalone server of Next.js is built, and listens on the app's variable HOSTNAME", async () => {
  const { name } = await createApp("next");
  const variables = [
    { name: "HOSTNAME", value: "0.0.0.0" },
    { name: "NEXT_TELEMETRY_DISABLED", value: "1" },
  ];
  await call("PUT", `/v1/apps/${name}/variables`, { variables });
  const manifest = {
    name: "app",
    // The server contains its own copy of the packages that it needs.
    scripts: {
      build: "next build",
      postbuild: "rm -rf node_modules .next/cache",
      start: "node .next/standalone/server.js",
    },
    dependencies: { next: "16.4.6", react: "19.2.0", "react-dom": "19.2.0" },
  };
  const source = await packed({
    "package.json": JSON.stringify(manifest),
    "next.config.mjs": 'export default { output: "standalone" };',
    "app/layout.js":
      "export default function Layout({ children }) { return <html><body>{children}</body></html>; }",
    "app/page.js": `export const dynamic = "force-dynamic";
        export default function Page() { return <p>{"listens on " + process.env.HOSTNAME}</p>; }`,
  });
  const log = await logOf(name, source, "success");
  expect(log).toContain("Running the script build");
  expect(await page(name)).toContain("<p>listens on 0.0.0.0</p>");
});

test.concurrent("a release has what postinstall and build write, although a daemon of the build still holds its output", async () => {
  const build = `require("node:child_process").spawn("sleep", ["900"], { detached: true, stdio: "inherit" }).unref();
    require("node:fs").writeFileSync("built.txt", "built");`;
  const install =
    'require("node:fs").writeFileSync("installed.json", JSON.stringify(process.env.npm_lifecycle_event));';
  const server = answers(
    '[require("./installed.json"), require("node:fs").readFileSync("built.txt", "utf8")]',
  );
  const manifest = { name: "app", scripts: { postinstall: "node install.js", build: "node build.js" } };
  const scripts = { "install.js": install, "build.js": build, "server.js": server };
  const { says, log } = await started(await packed({ ...scripts, "package.json": JSON.stringify(manifest) }));
  expect(says).toEqual(["postinstall", "built"]);
  expect(log).toContain("There is no lock file, so the same source may get other dependencies next time");
});

test.concurrent("what a build generates in node_modules is part of the release, each time from the present source", async () => {
  const manifest = { ...lockedApp, scripts: { build: "node generate.js", start: "node server.js" } };
  const generate = `const fs = require("node:fs");
    fs.mkdirSync("node_modules/.client", { recursive: true });
    fs.writeFileSync("node_modules/.client/index.js", "module.exports = " + JSON.stringify(fs.readFileSync("schema", "utf8")));
    fs.appendFileSync("node_modules/ms/index.js", "\\nmodule.exports.client = require('../.client');");`;
  const source = (schema: string) =>
    packed({
      "package.json": JSON.stringify(manifest),
      "package-lock.json": npmLock,
      "generate.js": generate,
      schema,
      "server.js": answers(
        '{ client: require("ms").client, development: require("node:fs").existsSync("node_modules/is-number") }',
      ),
    });
  const { name, says } = await started(await source("first"));
  expect(says).toEqual({ client: "first", development: false });
  expect((await started(await source("second"), name)).says).toEqual({
    client: "second",
    development: false,
  });
});

test.concurrent("a package.json that is no JSON, or that its lock file disagrees with, fails the build with the advice", async () => {
  const [broken, disagreeing] = await Promise.all([
    packed({ "package.json": '{ "name": "app", }', "server.js": "" }).then(failed),
    packed({
      "package.json": JSON.stringify({ ...lockedApp, dependencies: { ms: "2.1.3" } }),
      "package-lock.json": npmLock,
      "server.js": "",
    }).then(failed),
  ]);
  expect(broken).toMatch(/package\.json is not valid JSON: .*JSON at position 17/);
  expect(disagreeing).toContain("package.json and package-lock.json do not agree");
  expect(disagreeing).toContain("package-lock.json has ms@2.0.0 instead of ms@2.1.3");
  expect(disagreeing).not.toContain("Usage");
  expect(disagreeing).toContain("run npm install and add the changed package-lock.json to the source");
});
