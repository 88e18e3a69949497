// The installation of an app's dependencies, when it depends only on a few files of the source.

import { posix } from "node:path";
import { installScripts, runningInstallScripts } from "./install-scripts.ts";
import { readLockFacts } from "@slipway/lock-files";
import type { LockFacts } from "@slipway/lock-files";
import type { PackageJson } from "./package-json.ts";
import { settingsFiles } from "./package-manager-settings.ts";
import type { PackageManagement, PackageManagerRequirement } from "./package-manager.ts";
import { type WorkspaceFiles, workspaceFiles } from "./workspace-files.ts";
import { settingsAreKnown } from "./workspace-settings.ts";
import { decisiveVariables, installDigest, mayNameSourceFile, namesSourceFile } from "../install-inputs.ts";
import type { DecisiveVariables } from "../install-inputs.ts";
import type { Install, LanguageSource, Monorepo } from "../language.ts";

/** Packages whose install scripts read files of the app, or write to other folders than node_modules. */
const needsSource: ReadonlySet<string> = new Set(["@prisma/client", "puppeteer"]);
/** Fields of package.json that determine what npm installs, and the metadata that it writes into node_modules. */
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
  "workspaces",
  "os",
  "cpu",
  "libc",
];
/** Variables of package managers and Node.js that may name files. */
const variableWithPath =
  /^(?:(?:npm|pnpm)_config_.*(?:file|dir|config|options)|yarn_.*(?:path|filename)|node_(?:options|extra_ca_certs))$/i;
/** Settings files of package managers that may refer to variables. */
const settingsWithVariables: ReadonlySet<string> = new Set([".npmrc", ".yarnrc.yml", "pnpm-workspace.yaml"]);

/**
 * @param source the app or its monorepo's root, with the manifest and the lock file.
 * @param monorepo the monorepo in which the app is a workspace; null for any other app.
 * @returns null when the installation may depend on any file of the source, or when it cannot be known.
 */
export function planInstall(
  { read, names, variables }: Pick<LanguageSource, "read" | "names" | "variables">,
  manifest: PackageJson,
  { manager, lockFile: lockName }: PackageManagement,
  requirement: PackageManagerRequirement | null,
  monorepo: Monorepo | null = null,
): Install | null {
  const lockFile = lockName === null ? undefined : read(lockName);
  const manifestFile = read("package.json");
  if (lockName === null || lockFile === undefined || manifestFile === undefined) return null;
  const lock = lockFile.toString("utf8");
  const facts = readLockFacts(manager, lock);
  if (facts === null || facts.usesSource) return null;
  const members = membersOf(monorepo, manifest, facts);
  if (members === null) return null;
  const isMonorepo = monorepo !== null;
  const manifests = [manifest, ...members.manifests.values()];
  if (manifests.some((one) => manifestUsesSource(one, isMonorepo))) return null;
  const settings = settingsFiles(manager, { read, names }, isMonorepo);
  if (settings === null || names.includes("node_modules/")) return null;
  const isYarn1 = requirement?.lockfileVersion === "1";
  const configured = new Map([...settings, ...members.files]);
  if (isMonorepo && !settingsAreKnown({ manager, isYarn1, files: configured, variables })) return null;
  const mayName = isMonorepo ? mayNameSourceFile : namesSourceFile;
  if (mayName({ variables, names }, variableWithPath)) return null;
  const running = runningInstallScripts(facts, {
    manager,
    requirement,
    manifests,
    lock,
    settings,
    variables,
  });
  if (running.some((name) => needsSource.has(name))) return null;
  const files = new Map([
    ["package.json", manifestFile],
    [lockName, lockFile],
    ...settings,
    ...members.files,
  ]);
  const decisive = new Map(files);
  const runsScripts = running.length > 0;
  // An install script may read any field, and other package managers have additional fields.
  if (!runsScripts && manager === "npm")
    for (const [folder, member] of members.manifests) {
      const fields = installFields.map((name) => [name, member[name]]);
      decisive.set(posix.join(folder, "package.json"), Buffer.from(JSON.stringify(fields)));
    }
  const workspace = monorepo?.workspace ?? null;
  const digest = installDigest(
    decisive,
    runsScripts ? decisiveVariables(variables, () => true) : variablesOfManager(variables, files),
    workspace,
  );
  const { packageCount } = facts;
  return { folder: "node_modules", workspace, files, digest, hasBuildPackages: true, packageCount };
}

/** @returns the manifests that the install reads; null when they cannot be determined. */
function membersOf(
  monorepo: Monorepo | null,
  manifest: PackageJson,
  { linkedFolders = [] }: LockFacts,
): WorkspaceFiles | null {
  if (monorepo === null) {
    const readsOthers = manifest.workspaces !== undefined || linkedFolders.length > 0;
    return readsOthers ? null : { files: new Map(), manifests: new Map([["", manifest]]) };
  }
  const members = workspaceFiles(monorepo, installScripts);
  return linkedFolders.every((folder) => members?.manifests.has(folder)) ? members : null;
}

/**
 * Not every lock file contains dependencies by path. In a monorepo the lock file contains the workspaces to which `workspace:` refers,
 * and their manifests are known.
 */
function manifestUsesSource(manifest: PackageJson, isMonorepo: boolean): boolean {
  const sections = [
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "resolutions",
    "overrides",
    "pnpm",
  ];
  const path = /"(?:(?:file|link|portal|exec|patch):|~?\.{0,2}\/)[^"]*"(?!:)/;
  const usesSource = (json: string) =>
    path.test(json) || (!isMonorepo && /"workspace:[^"]*"(?!:)/.test(json));
  return sections.some((name) => usesSource(JSON.stringify(manifest[name] ?? {})));
}

/** Without install scripts, a package manager reads its own variables, Node.js's, and those to which its settings refer. */
function variablesOfManager(
  variables: Readonly<Record<string, string>>,
  files: ReadonlyMap<string, Buffer>,
): DecisiveVariables {
  const texts = [...files].flatMap(([path, content]) =>
    settingsWithVariables.has(posix.basename(path)) ? [content.toString("utf8")] : [],
  );
  const named = new Set(texts.join("\n").match(/(?<=\$\{?)\w+/g));
  const isDecisive = (name: string) =>
    /^(?:npm|pnpm|yarn|bun|node|corepack)_/i.test(name) || name === "CI" || named.has(name);
  return decisiveVariables(variables, isDecisive);
}
