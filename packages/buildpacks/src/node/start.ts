// How a Node.js app starts without a Procfile.

import { posix } from "node:path";
import { type PackageJson } from "./package-json.ts";

export interface StartSource {
  readonly manifest: PackageJson;
  /** Names in the app's folder; those of folders end with a slash. */
  readonly names: readonly string[];
  /** Whether package.json has a script that builds. */
  readonly hasBuild: boolean;
  /** Whether any script runs, which may make files that the source does not have. */
  readonly runsScripts: boolean;
}

/** @returns the command of the web process; null when the app says none. */
export function webCommand({ manifest, names, hasBuild, runsScripts }: StartSource): string | null {
  const { scripts, main } = manifest;
  const start = scripts["start"] ?? "";
  // The command of Nest, which is a devDependency. Its projects have a script for releases.
  if (/^nest start\b/.test(start) && (scripts["start:prod"] ?? "") !== "") return "npm run start:prod";
  if (start !== "") return "npm start";
  if (names.includes("server.js")) return "node server.js";
  const entry = main === undefined ? null : entryFile(main);
  const isMade = runsScripts && entry?.includes("/") === true;
  if (entry !== null && entry !== "index.js" && (isMade || mayExist(entry, names))) return `node ${entry}`;
  // With a build it may as well be the source of a front end: every package.json of `npm init` has it as main.
  return !hasBuild && names.includes("index.js") ? "node index.js" : null;
}

/** The file's name, unless it has characters that a shell interprets. */
function entryFile(main: string): string | null {
  const path = posix.normalize(main);
  return /^[\w@][\w@./-]*$/.test(path) && !path.startsWith("../") ? path : null;
}

/** Node.js finds `lib` as lib.js, too. Only the names at the root are known. */
function mayExist(path: string, names: readonly string[]): boolean {
  const [first = "", ...rest] = path.split("/");
  return rest.length > 0
    ? names.includes(`${first}/`)
    : names.includes(first) || names.includes(`${first}.js`);
}
