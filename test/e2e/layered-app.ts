// A Node.js app that shows its own files, for scenarios about the content of images.

import type { packTarGz } from "@slipway/testkit";
import { npmEntry } from "./lock-files.ts";
import { type Ms, type WorkspaceManager, workspaceOf } from "./workspace-locks.ts";

/** Lists its own files as JSON, and serves page.html with an ETag derived from size and time. */
const server = `const fs = require("fs"), path = require("path"), crypto = require("crypto");
const list = (folder) => fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
  const file = path.join(folder, entry.name), stat = fs.lstatSync(file), mode = (stat.mode & 0o777).toString(8);
  if (entry.isDirectory()) return [[file, "directory", mode], ...list(file)];
  if (entry.isSymbolicLink()) return [[file, "link", fs.readlinkSync(file)]];
  return [[file, mode, stat.uid, crypto.createHash("sha256").update(fs.readFileSync(file)).digest("hex")]];
});
require("http").createServer((request, response) => {
  if (request.url === "/tree") return response.end(JSON.stringify(list("/app")));
  if (request.url === "/ms") return response.end(require("ms/package.json").version);
  if (request.url === "/changed") return response.end(String(require("ms").changed));
  if (request.url === "/times") {
    const newest = Math.max(...list("/app").map(([file]) => fs.lstatSync(file).mtimeMs));
    return response.end(String(newest));
  }
  const { size, mtimeMs } = fs.statSync("page.html");
  const etag = '"' + size + "-" + Math.floor(mtimeMs / 1000) + '"';
  response.setHeader("ETag", etag);
  if (request.headers["if-none-match"] === etag) { response.statusCode = 304; return response.end(); }
  response.end(fs.readFileSync("page.html"));
}).listen(process.env.PORT);`;

interface Changes {
  readonly page?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  /** The range of Node.js versions. */
  readonly node?: string;
}

/** @param ms the version of the app's only dependency. @returns the files of the app's archive. */
export function layeredApp(ms: Ms, changes: Changes = {}): Parameters<typeof packTarGz>[0] {
  const dependencies = { ms };
  const packages = {
    "": { name: "app", version: "1.0.0", dependencies },
    "node_modules/ms": npmEntry(`ms@${ms}`),
  };
  return {
    "app/package.json": JSON.stringify({
      name: "app",
      version: "1.0.0",
      engines: { node: changes.node ?? "24.x" },
      dependencies,
      scripts: { start: "node server.js", ...changes.scripts },
    }),
    "app/package-lock.json": JSON.stringify({ name: "app", version: "1.0.0", lockfileVersion: 3, packages }),
    "app/server.js": server,
    "app/page.html": changes.page ?? "AAAA",
    "app/bin/tool": { content: "#!/bin/sh\n", mode: 0o755 },
    "app/latest": { kind: "symlink", target: "bin" },
  };
}

interface WorkspaceChanges extends Changes {
  /** Scripts of the monorepo. */
  readonly rootScripts?: Readonly<Record<string, string>>;
  /** Default: npm. */
  readonly manager?: WorkspaceManager;
}

/**
 * The same app as the workspace apps/api of a monorepo, which depends on packages/lib. That package has a build and needs another version
 * of ms.
 * @returns the files of the archive.
 */
export function workspaceApp(ms: Ms, changes: WorkspaceChanges = {}): Parameters<typeof packTarGz>[0] {
  const { rootScripts: scripts = {}, manager = "npm", ...ofApp } = changes;
  const { root, api, lib, files } = workspaceOf(manager, ms);
  const installed = Object.entries(files).map(([name, text]) => [`app/${name}`, text] as const);
  return {
    "app/package.json": JSON.stringify({ ...root, scripts, engines: { node: ofApp.node ?? "24.x" } }),
    ...Object.fromEntries(installed),
    "app/apps/api/package.json": JSON.stringify({
      ...api,
      scripts: { start: "node server.js", ...ofApp.scripts },
    }),
    "app/apps/api/server.js": server,
    "app/apps/api/page.html": ofApp.page ?? "AAAA",
    "app/packages/lib/package.json": JSON.stringify({ ...lib, scripts: { build: "node build.js" } }),
    "app/packages/lib/build.js": 'require("fs").writeFileSync("dist.js", require("ms/package.json").version)',
    "app/packages/unused/readme": "x",
  };
}

/** Files in which package managers record how or when an install was run. */
const notes = /\/node_modules\/\.yarn-integrity$|\/\.yarn\/install-state\.gz$/;

/**
 * @param answer the app's answer to a request of `/tree`.
 * @returns its files, sorted, each with its mode, owner and content. Without package.json and the lock file, because `npm prune` writes
 * them in its own format.
 */
export function treeOf(answer: string): readonly (readonly [path: string, ...unknown[]])[] {
  const entries = JSON.parse(answer) as [path: string, ...unknown[]][];
  return entries
    .filter(([path]) => !notes.test(path))
    .filter(([path]) => path.includes("/node_modules/") || !/\/package(-lock)?\.json$/.test(path))
    .toSorted(([a], [b]) => a.localeCompare(b));
}
