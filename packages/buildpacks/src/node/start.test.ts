import { expect, test } from "vitest";
import { parsePackageJson } from "./package-json.ts";
import { webCommand } from "./start.ts";

const nest = { start: "nest start", "start:prod": "node dist/main" };

test.each<[string | null, object, readonly string[]]>([
  ["npm start", { scripts: { start: "node ." } }, ["server.js"]],
  ["npm run start:prod", { scripts: nest }, []],
  ["npm run start:prod", { scripts: { ...nest, start: "nest start --watch" } }, []],
  ["npm start", { scripts: { start: "nest start" } }, []],
  ["npm start", { scripts: { ...nest, start: "node nest start" } }, []],
  ["node server.js", { main: "index.js" }, ["server.js", "index.js"]],
  ["node app.js", { main: "./app.js" }, ["app.js", "index.js"]],
  ["node app", { main: "app" }, ["app.js"]],
  ["node src/app.js", { main: "src/app.js" }, ["src/app.js"]],
  ["node index.js", { main: "missing.js" }, ["index.js"]],
  ["node index.js", { main: "a b.js" }, ["a b.js", "index.js"]],
  [null, { main: "../app.js" }, []],
  [null, { main: 1 }, []],
  [null, {}, ["README.md"]],
])("an app is started with %j: %j, %j", (command, manifest, files) => {
  const names = files.map((name) => name.replace(/\/.*/, "/"));
  const source = { manifest: parsePackageJson(JSON.stringify(manifest)), names };
  expect(webCommand({ ...source, hasBuild: false, runsScripts: false })).toBe(command);
});

test("a file that only a build makes may be the main file", () => {
  const manifest = parsePackageJson(JSON.stringify({ main: "dist/main.js" }));
  const source = { manifest, names: [], hasBuild: false };
  expect(webCommand({ ...source, runsScripts: true })).toBe("node dist/main.js");
  expect(webCommand({ ...source, runsScripts: false })).toBeNull();
});

test("index.js may be the source of a front end when the app has a build", () => {
  const manifest = parsePackageJson(JSON.stringify({ main: "index.js" }));
  const source = { manifest, names: ["index.js"], runsScripts: true };
  expect(webCommand({ ...source, hasBuild: false })).toBe("node index.js");
  expect(webCommand({ ...source, hasBuild: true })).toBeNull();
});
