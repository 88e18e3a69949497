// Decides which dependencies' scripts an install runs: newer package managers run only scripts that the app allows.

import type { LockFacts } from "@slipway/lock-files";
import type { PackageJson } from "./package-json.ts";
import type { ManagerName, PackageManagerRequirement } from "./package-manager.ts";

export interface ScriptPolicy {
  readonly manager: ManagerName;
  /** The package manager that installs the dependencies; null for npm. */
  readonly requirement: PackageManagerRequirement | null;
  /** The app's manifest; in a monorepo, the root's manifest followed by those of all folders. */
  readonly manifests: readonly PackageJson[];
  /** Text of the lock file. */
  readonly lock: string;
  /** Settings files by name. */
  readonly settings: ReadonlyMap<string, Buffer>;
  readonly variables: Readonly<Record<string, string>>;
}

/** Scripts of package.json that run before or after the dependencies are installed. */
export const installScripts: readonly string[] = [
  "heroku-prebuild",
  "pnpm:devPreinstall",
  "preinstall",
  "install",
  "postinstall",
  "prepublish",
  "preprepare",
  "prepare",
  "postprepare",
];
/** The first versions that run no scripts of dependencies unless the app allows them. */
const blockingSince = { pnpm: [10, 0], yarn: [4, 14] } as const;
/** Packages from git are built when they are fetched. */
const fromGit = /git\+|git:|git@|\.git\b|github:|gitlab:|bitbucket:|codeload\.|repo:|commit[:=]/;

/** @returns names of the packages whose scripts the install may run: all that may have scripts, unless the app's settings exclude them. */
export function runningInstallScripts(
  { withInstallScript }: LockFacts,
  policy: ScriptPolicy,
): readonly string[] {
  const { manager, lock, variables } = policy;
  // Variables and files can configure scripts in any way.
  const overridden = Object.keys(variables).some((name) =>
    /^(?:npm_config|pnpm_config|yarn|bun)_/i.test(name),
  );
  if (overridden || fromGit.test(lock)) return withInstallScript;
  const blocks = { npm: () => false, pnpm: pnpmBlocks, yarn: yarnBlocks, bun: bunBlocks }[manager];
  return blocks(policy) ? [] : withInstallScript;
}

function pnpmBlocks({ requirement, manifests, settings }: ScriptPolicy): boolean {
  // When the app names no version, the one that reads this lock file is assumed.
  const isRecent =
    requirement?.wanted === "" ? requirement.lockfileVersion === "9.0" : isBlocking("pnpm", requirement);
  const texts = [".npmrc", "pnpm-workspace.yaml"].map((name) => settings.get(name)?.toString("utf8") ?? "");
  return (
    isRecent &&
    ![...texts, JSON.stringify(manifests.map((manifest) => manifest["pnpm"]))].some(mentionsScripts)
  );
}

function yarnBlocks({ requirement, manifests, settings }: ScriptPolicy): boolean {
  const text = settings.get(".yarnrc.yml")?.toString("utf8") ?? "";
  const [, setting = isBlocking("yarn", requirement) ? "false" : "true"] =
    /^enableScripts:\s*(\S+)/m.exec(text) ?? [];
  // The setting allows individual packages.
  const allows = /"built":true/.test(
    JSON.stringify(manifests.map((manifest) => manifest["dependenciesMeta"])),
  );
  return requirement?.lockfileVersion !== "1" && setting === "false" && !allows;
}

/** Without the field at the root, bun uses its own list. */
function bunBlocks({ manifests: [root, ...others] }: ScriptPolicy): boolean {
  const trustsNone = (manifest: PackageJson | undefined) => {
    const trusted = manifest?.["trustedDependencies"];
    return Array.isArray(trusted) && trusted.length === 0;
  };
  return (
    trustsNone(root) &&
    others.every((manifest) => manifest["trustedDependencies"] === undefined || trustsNone(manifest))
  );
}

function mentionsScripts(settings: string): boolean {
  return /build|built|script/i.test(settings);
}

/** Whether the lowest version in a range such as `10.28.0` or `^4.14.0` blocks scripts. */
function isBlocking(
  manager: keyof typeof blockingSince,
  requirement: PackageManagerRequirement | null,
): boolean {
  const [, major, minor = "0"] =
    /^(?:[\^~=v]|>=)?\s*(\d+)(?:\.(\d+))?[\w.+-]*$/.exec(requirement?.wanted ?? "") ?? [];
  const [sinceMajor, sinceMinor] = blockingSince[manager];
  if (major === undefined) return false;
  return Number(major) > sinceMajor || (Number(major) === sinceMajor && Number(minor) >= sinceMinor);
}
