// The installation of an app's dependencies, when it needs nothing of the source but a few files.

import { createHash } from "node:crypto";
import type { LockFacts } from "./lock-facts.ts";
import { readLockFile } from "./lock-file.ts";
import type { PackageJson } from "./package-json.ts";
import { settingsFiles } from "./package-manager-settings.ts";
import type { PackageManagement } from "./package-manager.ts";
import type { NodeSource } from "./source.ts";

/** An installation of dependencies that needs nothing of the source but a few files. */
export interface NodeInstall {
  readonly files: ReadonlyMap<string, Buffer>;
  /** Digest of everything in the app that decides what is installed: these files, and variables. */
  readonly digest: string;
  /** Number of packages in the lock file. */
  readonly packageCount: number;
}

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
/** @returns null when the installation may depend on any file of the source, or when it cannot be known. */
export function planInstall(
  { read, names, variables }: NodeSource,
  manifest: PackageJson,
  { manager, lockFile: lockName }: PackageManagement,
): NodeInstall | null {
  const lock = lockName === null ? undefined : read(lockName);
  const manifestFile = read("package.json");
  if (lockName === null || lock === undefined || manifestFile === undefined) return null;
  const facts = readLockFile(manager, lock.toString("utf8"));
  if (facts === null || facts.usesSource || manifestUsesSource(manifest)) return null;
  if (names.includes("node_modules/") || facts.withInstallScript.some((name) => readsSource.has(name)))
    return null;
  const settings = settingsFiles(manager, { read, names });
  if (settings === null) return null;
  const files = new Map([["package.json", manifestFile], [lockName, lock], ...settings]);
  const decisive = new Map(files);
  // An install script may read any field.
  if (facts.withInstallScript.length === 0) {
    const fields = installFields.map((name) => [name, manifest[name]]);
    decisive.set("package.json", Buffer.from(JSON.stringify(fields)));
  }
  const npmrc = files.get(".npmrc")?.toString("utf8") ?? "";
  const digest = installDigest(decisive, relevantVariables(variables, facts, npmrc));
  return { files, digest, packageCount: facts.packageCount };
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
