// Reads composer.json and composer.lock of a PHP app, and decides whether its packages can be installed without its source.

import { SlipwayError } from "@slipway/core";
import { decisiveVariables, installDigest, namesSourceFile, presentFiles } from "../install-inputs.ts";
import { fieldOf, jsonOf, stringOf, type Table, tableOf, tablesOf } from "../documents.ts";
import type { Install, LanguageSource } from "../language.ts";
import { commandsOfScripts } from "./composer-scripts.ts";
import { callsNode } from "../node/package-manager.ts";

export interface ComposerProject {
  /** Null when there is nothing to install, or when the install may need any file of the source. */
  readonly install: Install | null;
  /** The PHP versions that composer.json requires, if no install checks them; "" for any. */
  readonly uncheckedPhp: string;
  /** Whether scripts of composer.json run in a build, after the install. */
  readonly hasScripts: boolean;
  /** Whether scripts that run in a build or during the install call Node.js. */
  readonly callsNode: boolean;
  readonly warnings: readonly string[];
}

/** Composer's default install folder; few apps change it. */
const vendor = "vendor";
const nothing: Install = {
  folder: vendor,
  workspace: null,
  files: new Map(),
  digest: "",
  hasBuildPackages: false,
  packageCount: 0,
};
const installFiles = ["composer.json", "composer.lock", "symfony.lock", "auth.json"];
/** Scripts that run after an install, when the app's own files may be present as well. */
const lateScripts = new Set(["post-install-cmd", "post-autoload-dump"]);
/** Scripts that an install does not run. */
const otherScripts =
  /^(?:(?:pre|post)-(?:update-cmd|status-cmd|archive-cmd)|post-root-package-install|post-create-project-cmd)$/;
/** Scripts that run while packages are installed. The app itself calls scripts of all other names. */
const installScripts =
  /^(?:pre-install-cmd|pre-autoload-dump|(?:pre|post)-(?:package|operations)-\w+|pre-(?:file-download|command-run|pool-create)|post-file-download|command|init)$/;
/** Plugins that write only into `vendor`, and read no files other than `installFiles`. */
const knownPlugins = new Set([
  "symfony/flex",
  "symfony/runtime",
  "php-http/discovery",
  "composer/package-versions-deprecated",
]);
const noScripts = { hasScripts: false, callsNode: false } as const;

/** Settings of composer.json that make an install read other files of the source, or write to other folders. */
const sourceSettings = [
  ["config", "vendor-dir"],
  ["config", "bin-dir"],
  ["config", "cafile"],
  ["config", "capath"],
  // Folders that Composer searches for classes when it writes the autoloader.
  ["autoload", "classmap"],
  // The template from which symfony/runtime creates vendor/autoload_runtime.php.
  ["extra", "runtime", "autoload_template"],
];

/** @throws {SlipwayError} "build-failed" for files that cannot be read, and for packages without a lock file. */
export function composerProject(source: LanguageSource): ComposerProject {
  const { names } = source;
  if (!names.includes("composer.json"))
    return { install: nothing, uncheckedPhp: "", ...noScripts, warnings: [] };
  const manifest = jsonOf(source, requireFile(source, "composer.json", "1 MiB"));
  if (!names.includes("composer.lock")) return withoutLock(source, manifest);
  const lock = jsonOf(source, requireFile(source, "composer.lock", "16 MiB"));
  return {
    install: isApart(source, manifest, lock) ? installOf(source, lock) : null,
    uncheckedPhp: "",
    hasScripts: scriptNames(manifest).some((name) => lateScripts.has(name)),
    callsNode: callsNode(commandsOfScripts(manifest, runsInBuild)),
    warnings: names.includes("vendor/")
      ? ["vendor is part of the source. Leave it out: the packages are installed here."]
      : [],
  };
}

function withoutLock({ names }: LanguageSource, manifest: Table): ComposerProject {
  const uncheckedPhp = stringOf(manifest, "require", "php");
  if (names.includes("vendor/")) {
    const warning = "composer.lock is missing, so vendor is used as it is in the source.";
    return { install: nothing, uncheckedPhp, ...noScripts, warnings: [warning] };
  }
  const packages = Object.keys(tableOf(manifest["require"])).filter((name) => name.includes("/"));
  if (packages.length === 0 && !("autoload" in manifest))
    return { install: nothing, uncheckedPhp, ...noScripts, warnings: [] };
  throw new SlipwayError(
    "build-failed",
    "composer.lock is missing: it says which versions of packages are installed. Run: composer update, and add composer.lock to the source.",
  );
}

/** A file that is a link or too large has no content here. */
function requireFile({ read }: LanguageSource, name: string, limit: string): string {
  if (read(name) !== undefined) return name;
  throw new SlipwayError("build-failed", `${name} must be a regular file of at most ${limit}.`);
}

function isApart(source: LanguageSource, manifest: Table, lock: Table): boolean {
  const { names, read } = source;
  const packages = tablesOf(lock["packages"]);
  const local = packages.some((one) => ["path", "artifact"].includes(stringOf(one, "dist", "type")));
  const elsewhere = packages.some((one) => isPlugin(one) && !knownPlugins.has(stringOf(one, "name")));
  const unreadable = installFiles.some((name) => names.includes(name) && read(name) === undefined);
  return (
    !names.includes("vendor/") &&
    !unreadable &&
    !namesSourceFile(source, /^composer(?:_|$)/i) &&
    !["COMPOSER_VENDOR_DIR", "COMPOSER_BIN_DIR"].some((name) => name in source.variables) &&
    !local &&
    !hasLocalRepository(manifest) &&
    !elsewhere &&
    !sourceSettings.some((path) => fieldOf(manifest, ...path) !== undefined) &&
    // An authoritative class map contains only classes that exist at the time of the install.
    fieldOf(manifest, "config", "classmap-authoritative") !== true &&
    !scriptNames(manifest).some((name) => installScripts.test(name))
  );
}

function isPlugin(one: Table): boolean {
  return ["composer-plugin", "composer-installer"].includes(stringOf(one, "type"));
}

/** Whether packages may come from folders and files of the source. */
function hasLocalRepository(manifest: Table): boolean {
  const { repositories } = manifest;
  const all = Array.isArray(repositories) ? repositories : Object.values(tableOf(repositories));
  return all.map(tableOf).some((one) => {
    const url = stringOf(one, "url");
    return (
      ["path", "artifact"].includes(stringOf(one, "type")) || (url !== "" && !/^\w+:\/\/|^\w+@/.test(url))
    );
  });
}

function scriptNames(manifest: Table): readonly string[] {
  return Object.keys(tableOf(manifest["scripts"])).filter((name) => !otherScripts.test(name));
}

function runsInBuild(name: string): boolean {
  return lateScripts.has(name) || installScripts.test(name);
}

function installOf(source: LanguageSource, lock: Table): Install {
  const files = presentFiles(source, installFiles);
  const variables = decisiveVariables(source.variables, (name) => decisiveVariable.test(name));
  const packageCount = tablesOf(lock["packages"]).length;
  // An app without packages has an autoloader nevertheless.
  return {
    folder: vendor,
    workspace: null,
    files,
    digest: installDigest(files, variables),
    hasBuildPackages: false,
    packageCount: Math.max(1, packageCount),
  };
}

/** Variables that Composer and Symfony's plugins read. */
const decisiveVariable = /^(?:composer|symfony)(?:_|$)/i;
