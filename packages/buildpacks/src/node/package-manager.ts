// Determines an app's package manager: from its lock file, or from package.json.

import { namedPackageManager, type PackageHash, type PackageManagerField } from "./package-manager-field.ts";
import type { PackageJson } from "./package-json.ts";

/** A package manager other than npm. */
export interface PackageManagerRequirement {
  readonly name: "pnpm" | "yarn" | "bun";
  /** A version or a range; empty when the app does not specify one. */
  readonly wanted: string;
  /** Source of the version, for messages. */
  readonly wantedIn: string;
  readonly hash?: PackageHash | undefined;
  /** `lockfileVersion` of pnpm-lock.yaml, or `version` in the `__metadata` of yarn.lock; `1` for yarn 1. */
  readonly lockfileVersion?: string | undefined;
}

export type ManagerName = PackageManagerField["name"];

export interface PackageManagement {
  readonly manager: ManagerName;
  /** Name of the lock file that is used; null when there is none. */
  readonly lockFile: string | null;
  /** The field of package.json for this package manager; null when it names another one or none. */
  readonly field: PackageManagerField | null;
  /** Lines for the log. */
  readonly warnings: readonly string[];
}

/** Lock files in order of precedence. npm itself prefers its shrinkwrap to its lock file. */
const lockFiles: readonly (readonly [file: string, manager: ManagerName])[] = [
  ["npm-shrinkwrap.json", "npm"],
  ["package-lock.json", "npm"],
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["bun.lock", "bun"],
  ["bun.lockb", "bun"],
];
/** Names of all lock files. */
export const lockFileNames: readonly string[] = lockFiles.map(([file]) => file);
const commands: Readonly<Record<PackageManagerRequirement["name"], RegExp>> = {
  pnpm: commandPattern("pnpm|pnpx"),
  yarn: commandPattern("yarn|yarnpkg"),
  bun: commandPattern("bun|bunx"),
};
const nodeCommands = commandPattern("node|npm|npx|pnpm|pnpx|yarn|yarnpkg|bun|bunx");

/** @throws {SlipwayError} "build-failed" when packageManager of package.json names no known package manager. */
export function packageManagement(manifest: PackageJson, names: readonly string[]): PackageManagement {
  const field = namedPackageManager(manifest);
  const present = lockFiles.filter(([file]) => names.includes(file));
  const counting = present.find(([, manager]) => manager === field?.name) ?? present[0];
  const manager = counting?.[1] ?? field?.name ?? "npm";
  const lockFile = counting?.[0] ?? null;
  const ignored = present.flatMap(([file]) => (file === lockFile ? [] : [file]));
  return {
    manager,
    lockFile,
    field: field?.name === manager ? field : null,
    warnings: [
      ...lockFileWarning(manager, lockFile, ignored),
      ...(field === null || field.name === manager
        ? []
        : [`${field.field} names ${field.name}, but ${lockFile} counts: ${manager} is used.`]),
    ],
  };
}

/** @param lock text of the lock file; undefined when it is not needed. */
export function packageManagerRequirement(
  { manager, field, lockFile }: PackageManagement,
  manifest: PackageJson,
  lock: string | undefined,
): PackageManagerRequirement | null {
  if (manager === "npm") return null;
  const lockfileVersion =
    lock === undefined || lockFile === null ? undefined : versionOfLockFile(manager, lock);
  if (field !== null && field.wanted !== "") {
    const { wanted, hash, field: wantedIn } = field;
    return { name: manager, wanted, wantedIn, hash, lockfileVersion };
  }
  return { ...requirementOfEngines(manager, manifest), lockfileVersion };
}

/**
 * @param started commands of the app's processes.
 * @returns the package manager that these commands call, directly or through scripts of package.json; null for npm.
 */
export function calledPackageManager(
  started: readonly string[],
  manifest: PackageJson,
  used: PackageManagerRequirement | null,
): PackageManagerRequirement | null {
  const reached = commandsReached(started, manifest);
  const calls = (name: PackageManagerRequirement["name"]) =>
    reached.some((command) => commands[name].test(command));
  if (used !== null && calls(used.name)) return used;
  const other = (["pnpm", "yarn", "bun"] as const).find(calls);
  return other === undefined ? null : requirementOfEngines(other, manifest);
}

/** Whether commands of processes call Node.js, or one of its package managers. */
export function callsNode(started: readonly string[]): boolean {
  return started.some((command) => nodeCommands.test(command));
}

/** Every word that is the name of a script counts as a call of that script. */
function commandsReached(started: readonly string[], { scripts }: PackageJson): readonly string[] {
  const reached = new Set(started);
  for (const command of reached)
    for (const word of command.split(/[\s;&|()"'`]+/))
      for (const name of [`pre${word}`, word, `post${word}`])
        if (Object.hasOwn(scripts, name)) reached.add(scripts[name] ?? "");
  return [...reached];
}

function requirementOfEngines(
  name: PackageManagerRequirement["name"],
  { engines }: PackageJson,
): PackageManagerRequirement {
  const wanted = engines[name]?.trim() ?? "";
  return { name, wanted, wantedIn: wanted === "" ? "the default" : `engines.${name} of package.json` };
}

function versionOfLockFile(manager: ManagerName, text: string): string | undefined {
  if (manager === "pnpm") return /^lockfileVersion:\s*['"]?([\d.]+)/m.exec(text)?.[1];
  if (manager !== "yarn") return undefined;
  if (/^# yarn lockfile v1\s*$/m.test(text)) return "1";
  return /^__metadata:\r?\n(?:[ \t].*\r?\n)*?[ \t]+version:\s*['"]?(\d+)/m.exec(text)?.[1];
}

function lockFileWarning(
  manager: ManagerName,
  lockFile: string | null,
  ignored: readonly string[],
): readonly string[] {
  if (lockFile === null)
    return [
      "There is no lock file, so the same source may get other dependencies next time. " +
        `Run ${manager} install and add the file to the source.`,
    ];
  if (ignored.length === 0) return [];
  const list = `${ignored.join(", ")} ${ignored.length === 1 ? "is" : "are"}`;
  return [`There is more than one lock file: ${lockFile} counts; ${list} ignored.`];
}

function commandPattern(names: string): RegExp {
  return new RegExp(`(?:^|[\\s;&|("'\`])(?:${names})(?:$|[\\s;&|)"'\`])`);
}
