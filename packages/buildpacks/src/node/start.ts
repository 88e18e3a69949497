// How a Node.js app starts without a Procfile.

import { posix } from "node:path";
import { type PackageJson } from "./package-json.ts";

export interface StartSource {
  readonly manifest: PackageJson;
  /** Names in the app's folder; folder names end with a slash. */
  readonly names: readonly string[];
  /** Whether package.json has a script that builds. */
  readonly hasBuild: boolean;
  /** Whether any script runs, which may create files that the source does not have. */
  readonly runsScripts: boolean;
}

/** @returns the command of the web process; null when the app defines none. */
export function webCommand({ manifest, names, hasBuild, runsScripts }: StartSource): string | null {
  const { scripts, main } = manifest;
  const start = scripts["start"] ?? "";
  // `nest` is a devDependency. Projects created by Nest have a separate script for production.
  if (/^nest start\b/.test(start) && (scripts["start:prod"] ?? "") !== "") return "npm run start:prod";
  if (start !== "") return "npm start";
  if (names.includes("server.js")) return "node server.js";
  const entry = main === undefined ? null : entryFile(main);
  const isMade = runsScripts && entry?.includes("/") === true;
  if (entry !== null && entry !== "index.js" && (isMade || mayExist(entry, names))) return `node ${entry}`;
  // With a build script, index.js may be the source of a front end: `npm init` names it as main in every package.json.
  return !hasBuild && names.includes("index.js") ? "node index.js" : null;
}

/** The file's name, unless it contains characters that a shell interprets. */
function entryFile(main: string): string | null {
  const path = posix.normalize(main);
  return /^[\w@][\w@./-]*$/.test(path) && !path.startsWith("../") ? path : null;
}

/** Node.js resolves `lib` to lib.js, too. Only the names at the root are known. */
function mayExist(path: string, names: readonly string[]): boolean {
  const [first = "", ...rest] = path.split("/");
  return rest.length > 0
    ? names.includes(`${first}/`)
    : names.includes(first) || names.includes(`${first}.js`);
}
