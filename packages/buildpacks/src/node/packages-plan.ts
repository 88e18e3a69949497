// Decides which Node.js and which package manager install the packages of a package.json, and whether the install needs the source.

import { SlipwayError } from "@slipway/core";
import type { LanguageFacts, LanguageSource } from "../language.ts";
import { planInstall } from "./install.ts";
import { installScripts } from "./install-scripts.ts";
import { type PackageJson, parsePackageJson } from "./package-json.ts";
import type { PackageHash } from "./package-manager-field.ts";
import {
  calledPackageManager,
  packageManagement,
  type PackageManagement,
  packageManagerRequirement,
  type PackageManagerRequirement,
} from "./package-manager.ts";

/** The versions of Node.js and npm that the app asks for. */
export interface NodeRequirement {
  /** A version, a range or a name such as `lts/*`; empty when the app does not specify one. */
  readonly wanted: string;
  /** Source of the version, for messages. */
  readonly wantedIn: string;
  /** Range of npm versions; empty when the app does not specify one. */
  readonly wantedNpm: string;
  readonly wantedNpmIn: string;
  /** Hash of npm's tarball. */
  readonly npmHash?: PackageHash | undefined;
}

export interface PackagesPlan extends Pick<LanguageFacts, "install" | "warnings"> {
  readonly node: NodeRequirement;
  /** The package manager that installs the dependencies and runs build scripts; null for npm, which every image has. */
  readonly packageManager: PackageManagerRequirement | null;
  /** The package manager in the image of releases: null unless commands of processes call it. */
  readonly startedPackageManager: PackageManagerRequirement | null;
}

interface PlannedPackages {
  readonly plan: PackagesPlan;
  /** The manifest of the monorepo's root, or else the app's own. */
  readonly rootManifest: PackageJson;
  /** Text of npm's lock file; undefined when another package manager's is used. */
  readonly npmLock: string | undefined;
}

const buildScripts = ["build", "heroku-postbuild"];

/**
 * @param manifest the app's manifest. @param started commands of its processes.
 * @throws {SlipwayError} "build-failed" when package.json names no known package manager.
 */
export function planPackages(
  source: LanguageSource,
  manifest: PackageJson,
  started: readonly string[],
): PlannedPackages {
  const { read, names, variables, monorepo = null } = source;
  const root = monorepo ?? source;
  const rootManifest = root === source ? manifest : readManifest(root);
  const management = packageManagement(rootManifest, root.names);
  const { lockFile, manager } = management;
  const lock = lockFile === null ? undefined : root.read(lockFile)?.toString("utf8");
  const packageManager = packageManagerRequirement(management, rootManifest, lock);
  const startedPackageManager = calledPackageManager(started, manifest, packageManager);
  // Yarn 2 and later run scripts only where they find the metadata of the install, which is not in node_modules.
  const needsNotes = startedPackageManager?.name === "yarn" && startedPackageManager.lockfileVersion !== "1";
  const install = needsNotes
    ? null
    : planInstall({ ...root, variables }, rootManifest, management, packageManager, monorepo);
  const folders = [
    { manifest, read },
    { manifest: rootManifest, read: root.read },
  ];
  return {
    plan: {
      node: nodeRequirement(folders, management),
      packageManager,
      startedPackageManager,
      install,
      warnings: [...management.warnings, ...modulesWarning(names)],
    },
    rootManifest,
    npmLock: manager === "npm" ? lock : undefined,
  };
}

/** @throws {SlipwayError} "build-failed" when the manifest cannot be read. */
export function readManifest({ read }: Pick<LanguageSource, "read">): PackageJson {
  const text = read("package.json");
  if (text !== undefined) return parsePackageJson(text.toString("utf8"));
  throw new SlipwayError("build-failed", "package.json must be a regular file of at most 1 MiB.");
}

/** @returns which scripts of the package run in a build. */
export function scriptsOf(manifest: PackageJson): Pick<LanguageFacts, "scripts"> & {
  readonly hasBuild: boolean;
} {
  const has = (some: readonly string[]) => some.some((name) => (manifest.scripts[name] ?? "") !== "");
  const hasBuild = has(buildScripts);
  return { hasBuild, scripts: has(installScripts) ? "install" : hasBuild ? "build" : "none" };
}

/** @returns the range or name from engines.node, .nvmrc or .node-version, in this order. */
function nodeRequirement(
  folders: readonly { readonly manifest: PackageJson; readonly read: LanguageSource["read"] }[],
  { manager, field }: PackageManagement,
): NodeRequirement {
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

function modulesWarning(names: readonly string[]): readonly string[] {
  if (!names.includes("node_modules/")) return [];
  return [
    "node_modules is part of the source. Leave it out of the source: the dependencies are installed here.",
  ];
}
