// Decides how a Node.js app is built, from its control files alone: no code of the app runs.

import { createHash } from "node:crypto";
import { SlipwayError } from "@slipway/core";
import { readLockFile, type LockFacts } from "./lock-file.ts";
import { type PackageJson, parsePackageJson } from "./package-json.ts";

/** What the app says about its versions of Node.js and npm. */
export interface NodeWish {
  /** A version, a range or a name such as `lts/*`; empty when the app does not say. */
  readonly wanted: string;
  /** Where the app says so, for messages. */
  readonly wantedIn: string;
  /** Range of npm versions; empty when the app does not say. */
  readonly wantedNpm: string;
}

/** An installation of dependencies that needs nothing of the source but a few files. */
export interface NodeInstall {
  readonly files: ReadonlyMap<string, Buffer>;
  /** Digest of everything in the app that decides what is installed: these files, and variables. */
  readonly digest: string;
  /** Number of packages in the lock file. */
  readonly packageCount: number;
}

export interface NodePlan {
  readonly node: NodeWish;
  /** Null when an install may depend on any file of the source. */
  readonly install: NodeInstall | null;
  /** Which of the app's scripts run: none, only those that build, or also some that run at an install. */
  readonly scripts: "none" | "build" | "install";
  /** Command of the web process without a Procfile; null when package.json and the file names say none. */
  readonly web: string | null;
  /** Warnings for the deployment's log. */
  readonly warnings: readonly string[];
}

export interface NodeSource {
  /** Content of a control file; undefined when the app has none. */
  readonly read: (name: string) => Buffer | undefined;
  /** Names at the app's root; those of folders end with a slash. */
  readonly names: readonly string[];
  /** The app's variables. */
  readonly variables: Readonly<Record<string, string>>;
}

/** npm reads its shrinkwrap before its lock file, and no lock file of other package managers. */
const npmLockFiles = ["npm-shrinkwrap.json", "package-lock.json"] as const;
const otherLockFiles = ["yarn.lock", "pnpm-lock.yaml", "bun.lock", "bun.lockb"] as const;
/** Scripts of package.json that run before or after the dependencies are installed. */
const installScripts = [
  "heroku-prebuild",
  "preinstall",
  "install",
  "postinstall",
  "prepublish",
  "preprepare",
  "prepare",
  "postprepare",
];
const buildScripts = ["build", "heroku-postbuild"];
/** Packages whose install scripts read files of the app. */
const readsSource: ReadonlySet<string> = new Set(["@prisma/client"]);
/** Fields of package.json that decide what npm installs, and what it writes about it into node_modules. */
const installFields = [
  "name",
  "version",
  "dependencies",
  "devDependencies",
  "optionalDependencies",
  "peerDependencies",
  "peerDependenciesMeta",
  "bundleDependencies",
  "bundledDependencies",
  "overrides",
  "engines",
  "devEngines",
  "packageManager",
  "os",
  "cpu",
  "libc",
];
const mebibyte = 1024 ** 2;

/** The files that the plan reads, with their maximum sizes in bytes. */
export const nodeControlFiles: ReadonlyMap<string, number> = new Map([
  ["package.json", mebibyte],
  ["npm-shrinkwrap.json", 16 * mebibyte],
  ["package-lock.json", 16 * mebibyte],
  [".npmrc", 64 * 1024],
  [".nvmrc", 64 * 1024],
  [".node-version", 64 * 1024],
]);

/** @throws {SlipwayError} "build-failed" when the app cannot be built, with what to change. */
export function planNode(source: NodeSource): NodePlan {
  const { read, names } = source;
  const text = read("package.json");
  if (text === undefined)
    throw new SlipwayError("build-failed", "package.json must be a regular file of at most 1 MiB.");
  const manifest = parsePackageJson(text.toString("utf8"));
  const web = webCommand(manifest, names);
  if (web === null && !names.includes("Procfile")) throw noStart();
  const has = (names: readonly string[]) => names.some((name) => hasScript(manifest, name));
  return {
    node: nodeWish(manifest, read),
    install: planInstall(source, manifest),
    scripts: has(installScripts) ? "install" : has(buildScripts) ? "build" : "none",
    web,
    warnings: [...lockFileWarnings(names), ...modulesWarning(names)],
  };
}

/** @returns the range or name in engines.node, .nvmrc or .node-version, in this order. */
function nodeWish(manifest: PackageJson, read: NodeSource["read"]): NodeWish {
  const wantedNpm = manifest.engines.npm ?? "";
  const engines = manifest.engines.node?.trim() ?? "";
  if (engines !== "") return { wanted: engines, wantedIn: "engines.node of package.json", wantedNpm };
  for (const name of [".nvmrc", ".node-version"]) {
    const wanted = firstLine(read(name)?.toString("utf8") ?? "");
    if (wanted !== "") return { wanted, wantedIn: name, wantedNpm };
  }
  return { wanted: "", wantedIn: "the default", wantedNpm };
}

/** The first line that is neither empty nor a comment. */
function firstLine(text: string): string {
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim());
  return lines.find((line) => line !== "") ?? "";
}

function planInstall({ read, names, variables }: NodeSource, manifest: PackageJson): NodeInstall | null {
  const lockName = npmLockFiles.find((name) => names.includes(name));
  const lock = lockName === undefined ? undefined : read(lockName);
  const manifestFile = read("package.json");
  if (lockName === undefined || lock === undefined || manifestFile === undefined) return null;
  const facts = readLockFile(lock.toString("utf8"));
  if (facts === null || facts.usesSource || manifest.workspaces !== undefined) return null;
  if (names.includes("node_modules/") || facts.withInstallScript.some((name) => readsSource.has(name)))
    return null;
  const npmrc = read(".npmrc");
  if (npmrc === undefined && names.includes(".npmrc")) return null;
  const files = new Map([
    ["package.json", manifestFile],
    [lockName, lock],
    ...(npmrc === undefined ? [] : [[".npmrc", npmrc] as const]),
  ]);
  const decisive = new Map(files);
  // An install script may read any field.
  if (facts.withInstallScript.length === 0) {
    const fields = installFields.map((name) => [name, manifest[name]]);
    decisive.set("package.json", Buffer.from(JSON.stringify(fields)));
  }
  const digest = installDigest(decisive, relevantVariables(variables, facts, npmrc?.toString("utf8") ?? ""));
  return { files, digest, packageCount: facts.packageCount };
}

/** An install script may read any variable. Without one, npm reads its own variables and those that .npmrc names. */
function relevantVariables(
  variables: Readonly<Record<string, string>>,
  { withInstallScript }: LockFacts,
  npmrc: string,
): readonly (readonly [string, string])[] {
  const isRelevant = (name: string): boolean =>
    withInstallScript.length > 0 ||
    /^(npm_config_|node_)/i.test(name) ||
    npmrc.includes(`\${${name}}`) ||
    npmrc.includes(`\${${name}?}`);
  return Object.entries(variables)
    .filter(([name]) => isRelevant(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function installDigest(
  files: ReadonlyMap<string, Buffer>,
  variables: readonly (readonly [string, string])[],
): string {
  const hash = createHash("sha256");
  for (const [name, content] of files) hash.update(`${name} ${content.length}\n`).update(content);
  return hash.update(JSON.stringify(variables)).digest("hex");
}

/** @returns the command that starts the app: its start script, or its server.js. */
function webCommand(manifest: PackageJson, names: readonly string[]): string | null {
  if (hasScript(manifest, "start")) return "npm start";
  return names.includes("server.js") ? "node server.js" : null;
}

function hasScript({ scripts }: PackageJson, name: string): boolean {
  return (scripts[name] ?? "") !== "";
}

function noStart(): SlipwayError {
  return new SlipwayError(
    "build-failed",
    'The app does not say how it starts. Add a "start" script to package.json, a server.js, or a Procfile with a line such as "web: node index.js".',
  );
}

function lockFileWarnings(names: readonly string[]): readonly string[] {
  const present = [...npmLockFiles, ...otherLockFiles].filter((name) => names.includes(name));
  const used = npmLockFiles.find((name) => present.includes(name));
  const ignored = present.filter((name) => name !== used);
  const list = `${ignored.join(", ")} ${ignored.length === 1 ? "is" : "are"}`;
  if (used === undefined) {
    const advice =
      "There is no package-lock.json, so the same source may get other dependencies next time. Run npm install and add the file to the source.";
    return ignored.length === 0
      ? [advice]
      : [`${list} not used: dependencies are installed with npm.`, advice];
  }
  return ignored.length === 0 ? [] : [`There is more than one lock file: ${used} counts; ${list} ignored.`];
}

function modulesWarning(names: readonly string[]): readonly string[] {
  if (!names.includes("node_modules/")) return [];
  return [
    "node_modules is part of the source. Leave it out of the source: the dependencies are installed here.",
  ];
}
