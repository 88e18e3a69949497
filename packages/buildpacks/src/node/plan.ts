// Decides how a Node.js app is built, from its control files alone: no code of the app runs.

import { SlipwayError } from "@slipway/core";
import { parseProcfile } from "../procfile.ts";
import { isFrontEnd } from "./front-end.ts";
import type { Language, LanguageFacts, LanguageSource } from "../language.ts";
import { planInstall } from "./install.ts";
import { installScripts } from "./install-scripts.ts";
import { type PackageJson, parsePackageJson } from "./package-json.ts";
import type { PackageHash } from "./package-manager-field.ts";
import {
  calledPackageManager,
  packageManagement,
  type PackageManagement,
  packageManagerWish,
  type PackageManagerWish,
} from "./package-manager.ts";
import { startAdvice } from "./start-advice.ts";
import { webCommand } from "./start.ts";

/** What the app says about its versions of Node.js and npm. */
export interface NodeWish {
  /** A version, a range or a name such as `lts/*`; empty when the app does not say. */
  readonly wanted: string;
  /** Where the app says so, for messages. */
  readonly wantedIn: string;
  /** Range of npm versions; empty when the app does not say. */
  readonly wantedNpm: string;
  readonly wantedNpmIn: string;
  /** Hash of npm's tarball. */
  readonly npmHash?: PackageHash | undefined;
}

export interface NodePlan extends LanguageFacts {
  readonly kind: "nodejs";
  readonly node: NodeWish;
  /** What installs the dependencies and runs scripts of builds; null for npm, which every image has. */
  readonly packageManager: PackageManagerWish | null;
  /** The package manager in the image of releases: null unless commands of processes call it. */
  readonly startedPackageManager: PackageManagerWish | null;
}

const buildScripts = ["build", "heroku-postbuild"];
const mebibyte = 1024 ** 2;

/** The files that the plan reads, with their maximum sizes in bytes. */
const nodeControlFiles: ReadonlyMap<string, number> = new Map([
  ["package.json", mebibyte],
  ["npm-shrinkwrap.json", 16 * mebibyte],
  ["package-lock.json", 16 * mebibyte],
  ["pnpm-lock.yaml", 16 * mebibyte],
  ["yarn.lock", 16 * mebibyte],
  ["bun.lock", 16 * mebibyte],
  // Only whether it exists counts.
  ["bun.lockb", 0],
  ["pnpm-workspace.yaml", 64 * 1024],
  [".yarnrc.yml", 64 * 1024],
  [".npmrc", 64 * 1024],
  [".nvmrc", 64 * 1024],
  [".node-version", 64 * 1024],
  ["static.json", 64 * 1024],
]);

/** @throws {SlipwayError} "build-failed" when the app cannot be built, with what to change. */
export function planNode(source: LanguageSource): NodePlan {
  const { read, names } = source;
  const manifest = readManifest(source);
  const has = (some: readonly string[]) => some.some((name) => hasScript(manifest, name));
  const hasBuild = has(buildScripts);
  const scripts = has(installScripts) ? "install" : hasBuild ? "build" : "none";
  const command = webCommand({ manifest, names, hasBuild, runsScripts: scripts !== "none" });
  const frontEnd = isFrontEnd(manifest, source, command);
  const web = frontEnd ? null : command;
  if (!frontEnd && web === null && !names.includes("Procfile")) throw noStart();
  const root = source.monorepo ?? source;
  const rootManifest = root === source ? manifest : readManifest(root);
  const management = packageManagement(rootManifest, root.names);
  const { lockFile } = management;
  const lock = lockFile === null ? undefined : root.read(lockFile)?.toString("utf8");
  const packageManager = packageManagerWish(management, rootManifest, lock);
  const procfile = read("Procfile")?.toString("utf8") ?? "";
  const startedPackageManager = calledPackageManager([web ?? "", procfile], manifest, packageManager);
  const npmLock = management.manager === "npm" ? lock : undefined;
  const started = parseProcfile(procfile).processTypes["web"] ?? web;
  const advice =
    started === null || source.ownBuildpack === true
      ? []
      : startAdvice({
          command: started,
          manifest,
          rootManifest,
          npmLock,
          variables: source.variables,
        });
  // Yarn 2 and later run scripts only where they find notes of the install, which are not in node_modules.
  const needsNotes = startedPackageManager?.name === "yarn" && startedPackageManager.lockfileVersion !== "1";
  const { variables, monorepo = null } = source;
  const install = needsNotes
    ? null
    : planInstall({ ...root, variables }, rootManifest, management, packageManager, monorepo);
  return {
    kind: "nodejs",
    node: nodeWish(
      [
        { manifest, read },
        { manifest: rootManifest, read: root.read },
      ],
      management,
    ),
    packageManager,
    startedPackageManager,
    install,
    // The workspaces that this one depends on may have a build, which only the build container finds out.
    scripts: monorepo !== null && scripts === "none" ? "build" : scripts,
    releasedOn: frontEnd ? "stack" : "dependencies",
    web,
    // The static buildpack serves the output of the build.
    runnerArguments: frontEnd ? ["front-end"] : [],
    warnings: [...management.warnings, ...modulesWarning(names), ...advice],
  };
}

export const nodejs: Language<NodePlan> = {
  kind: "nodejs",
  title: "Node.js",
  controlFiles: nodeControlFiles,
  detects: (names) => names.includes("package.json"),
  plan: planNode,
};

function readManifest({ read }: Pick<LanguageSource, "read">): PackageJson {
  const text = read("package.json");
  if (text !== undefined) return parsePackageJson(text.toString("utf8"));
  throw new SlipwayError("build-failed", "package.json must be a regular file of at most 1 MiB.");
}

/** @returns the range or name in engines.node, .nvmrc or .node-version, in this order. */
function nodeWish(
  folders: readonly { readonly manifest: PackageJson; readonly read: LanguageSource["read"] }[],
  { manager, field }: PackageManagement,
): NodeWish {
  const named = manager === "npm" && field !== null && field.wanted !== "" ? field : null;
  const engine = (name: string) =>
    folders.map(({ manifest }) => manifest.engines[name]?.trim() ?? "").find((wanted) => wanted !== "") ?? "";
  const npm = {
    wantedNpm: named?.wanted ?? engine("npm"),
    wantedNpmIn: named?.field ?? "engines.npm of package.json",
    npmHash: named?.hash,
  };
  for (const { manifest, read } of folders) {
    const engines = manifest.engines["node"]?.trim() ?? "";
    if (engines !== "") return { wanted: engines, wantedIn: "engines.node of package.json", ...npm };
    for (const name of [".nvmrc", ".node-version"]) {
      const wanted = firstLine(read(name)?.toString("utf8") ?? "");
      if (wanted !== "") return { wanted, wantedIn: name, ...npm };
    }
  }
  return { wanted: "", wantedIn: "the default", ...npm };
}

/** The first line that is neither empty nor a comment. */
function firstLine(text: string): string {
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim());
  return lines.find((line) => line !== "") ?? "";
}

function hasScript({ scripts }: PackageJson, name: string): boolean {
  return (scripts[name] ?? "") !== "";
}

function noStart(): SlipwayError {
  return new SlipwayError(
    "build-failed",
    'The app does not say how it starts. Add a "start" script to package.json, a server.js or index.js, or a Procfile with a line such as "web: node index.js". A front end needs a "build" script, whose output is served as static files. To serve the files as they are, set the variable BUILDPACK_NAME to static.',
  );
}

function modulesWarning(names: readonly string[]): readonly string[] {
  if (!names.includes("node_modules/")) return [];
  return [
    "node_modules is part of the source. Leave it out of the source: the dependencies are installed here.",
  ];
}
