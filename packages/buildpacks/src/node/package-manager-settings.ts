// The settings files that a package manager reads when it installs.

import { parse } from "yaml";
import { z } from "zod";
import type { LanguageSource } from "../language.ts";
import type { ManagerName } from "./package-manager.ts";

interface Settings {
  /** Files that an installation may need, in addition to the manifest and the lock file. */
  readonly files: readonly string[];
  /** Files that make an installation read unknown others. Folder names end with a slash. */
  readonly unknown: readonly string[];
}

const settings: Readonly<Record<ManagerName, Settings>> = {
  npm: { files: [".npmrc"], unknown: [] },
  pnpm: { files: [".npmrc", "pnpm-workspace.yaml"], unknown: [".pnpmfile.cjs", ".pnpmfile.mjs"] },
  yarn: {
    files: [".npmrc", ".yarnrc.yml"],
    unknown: [".yarn/", ".yarnrc", ".yarnclean", ".pnp.cjs", ".pnp.js"],
  },
  bun: { files: [".npmrc"], unknown: ["bunfig.toml"] },
};
/** YAML settings that do not refer to other files of the source. */
const harmless: ReadonlySet<string> = new Set([
  // pnpm-workspace.yaml
  "allowBuilds",
  "autoInstallPeers",
  "dedupePeerDependents",
  "hoistPattern",
  "ignoredBuiltDependencies",
  "minimumReleaseAge",
  "minimumReleaseAgeExclude",
  "neverBuiltDependencies",
  "nodeLinker",
  "onlyBuiltDependencies",
  "overrides",
  "publicHoistPattern",
  "saveExact",
  "savePrefix",
  "shamefullyHoist",
  "strictDepBuilds",
  "strictPeerDependencies",
  // .yarnrc.yml
  "compressionLevel",
  "defaultSemverRangePrefix",
  "enableGlobalCache",
  "enableScripts",
  "enableTelemetry",
  "npmAuthToken",
  "npmAlwaysAuth",
  "npmMinimalAgeGate",
  "npmRegistryServer",
  "npmScopes",
]);
/** Harmless settings in a monorepo, where the manifests of its folders are known. */
const harmlessInMonorepo: ReadonlySet<string> = new Set([
  "catalog",
  "catalogMode",
  "catalogs",
  "cleanupUnusedCatalogs",
  "linkWorkspacePackages",
  "packages",
  "preferWorkspacePackages",
  "saveWorkspaceProtocol",
]);
/** Names that a plan looks for, in addition to the settings files that it reads. */
export const unknownSettings: readonly string[] = Object.values(settings).flatMap(({ unknown }) => unknown);
const mapping = z.record(z.string(), z.unknown());

/**
 * @param isMonorepo whether the install has the manifests of all folders.
 * @returns the files that exist; null when an installation may read other files, or when that cannot be determined.
 */
export function settingsFiles(
  manager: ManagerName,
  { read, names }: Pick<LanguageSource, "read" | "names">,
  isMonorepo: boolean,
): ReadonlyMap<string, Buffer> | null {
  const { files, unknown } = settings[manager];
  if (unknown.some((name) => names.includes(name))) return null;
  const found = new Map<string, Buffer>();
  for (const name of files) {
    if (!names.includes(name)) continue;
    const content = read(name);
    if (content === undefined) return null;
    const text = content.toString("utf8");
    if (/\.ya?ml$/.test(name) ? !isHarmless(text, isMonorepo) : namesOtherFiles(text)) return null;
    found.set(name, content);
  }
  return found;
}

/** Settings of .npmrc whose value is a file or a folder, and Node.js options that load a file. */
const fileSetting =
  /^(?:.*:)?(?:cafile|certfile|keyfile|(?:user|global)config|(?:global-)?pnpmfile|(?:lockfile|modules|virtual-store|patches)-dir|script-shell|prefix) ?= ?(?!["']?\/(?!work\/build\/))\S|^node-options ?=.*(?:-r|--require|--import|loader|--env-file)\b/i;

/** Whether .npmrc names files that may be part of the source. */
function namesOtherFiles(npmrc: string): boolean {
  return npmrc.split(/\r?\n/).some((line) => fileSetting.test(line.replaceAll(/\s+/g, " ").trim()));
}

function isHarmless(text: string, isMonorepo: boolean): boolean {
  try {
    const value = mapping.safeParse(parse(text, { maxAliasCount: 0, logLevel: "error" }) ?? {});
    return (
      value.success &&
      Object.keys(value.data).every(
        (name) => harmless.has(name) || (isMonorepo && harmlessInMonorepo.has(name)),
      ) &&
      !/(?:file|link|portal|patch):/.test(text)
    );
  } catch {
    // The package manager itself reports errors in the file.
    return false;
  }
}
