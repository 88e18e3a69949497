// The installation of an app's dependencies, when it needs nothing of the source but a few files.

import { createHash } from "node:crypto";
import { runningInstallScripts } from "./install-scripts.ts";
import { readLockFile } from "./lock-file.ts";
import type { PackageJson } from "./package-json.ts";
import { settingsFiles } from "./package-manager-settings.ts";
import type { PackageManagement, PackageManagerWish } from "./package-manager.ts";
import type { Install, LanguageSource } from "../language.ts";

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
/** Files with settings of package managers, which may name variables. */
const settingsWithVariables = [".npmrc", ".yarnrc.yml", "pnpm-workspace.yaml"];

/** @returns null when the installation may depend on any file of the source, or when it cannot be known. */
export function planInstall(
  { read, names, variables }: LanguageSource,
  manifest: PackageJson,
  { manager, lockFile: lockName }: PackageManagement,
  wish: PackageManagerWish | null,
): Install | null {
  const lockFile = lockName === null ? undefined : read(lockName);
  const manifestFile = read("package.json");
  if (lockName === null || lockFile === undefined || manifestFile === undefined) return null;
  const lock = lockFile.toString("utf8");
  const facts = readLockFile(manager, lock);
  if (facts === null || facts.usesSource || manifestUsesSource(manifest)) return null;
  const settings = settingsFiles(manager, { read, names });
  if (settings === null || names.includes("node_modules/")) return null;
  const running = runningInstallScripts(facts, { manager, wish, manifest, lock, settings, variables });
  if (running.some((name) => readsSource.has(name))) return null;
  const files = new Map([["package.json", manifestFile], [lockName, lockFile], ...settings]);
  const decisive = new Map(files);
  const runsScripts = running.length > 0;
  // An install script may read any field, and other package managers have fields of their own.
  if (!runsScripts && manager === "npm") {
    const fields = installFields.map((name) => [name, manifest[name]]);
    decisive.set("package.json", Buffer.from(JSON.stringify(fields)));
  }
  const digest = installDigest(
    decisive,
    runsScripts ? sorted(variables) : decisiveVariables(variables, settings),
  );
  return { folder: "node_modules", files, digest, hasBuildPackages: true, packageCount: facts.packageCount };
}

/** Dependencies by path are not in the lock file of every package manager. */
function manifestUsesSource(manifest: PackageJson): boolean {
  if (manifest.workspaces !== undefined) return true;
  const sections = [
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "resolutions",
    "overrides",
    "pnpm",
  ];
  return sections.some((name) =>
    /"(?:(?:file|link|portal|workspace|exec|patch):|~?\.{0,2}\/)[^"]*"(?!:)/.test(
      JSON.stringify(manifest[name] ?? {}),
    ),
  );
}

/** Without install scripts, a package manager reads its own variables, those of Node.js, and those that its settings name. */
function decisiveVariables(
  variables: Readonly<Record<string, string>>,
  settings: ReadonlyMap<string, Buffer>,
): readonly (readonly [string, string])[] {
  const texts = settingsWithVariables.map((name) => settings.get(name)?.toString("utf8") ?? "");
  const named = new Set(texts.join("\n").match(/(?<=\$\{?)\w+/g));
  const isDecisive = (name: string) =>
    /^(?:npm|pnpm|yarn|bun|node|corepack)_/i.test(name) || name === "CI" || named.has(name);
  return sorted(variables).filter(([name]) => isDecisive(name));
}

function sorted(variables: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1));
}

function installDigest(
  files: ReadonlyMap<string, Buffer>,
  variables: readonly (readonly [string, string])[],
): string {
  const hash = createHash("sha256");
  for (const [name, content] of files) hash.update(`${name} ${content.length}\n`).update(content);
  return hash.update(JSON.stringify(variables)).digest("hex");
}
