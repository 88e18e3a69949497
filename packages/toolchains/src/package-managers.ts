// Which pnpm, yarn or bun an app gets.

import type { PackageHash } from "@slipway/buildpacks";
import { chooseVersion, isRange, versionsFor } from "./choose-version.ts";
import { quoted, refused, unavailable } from "./failures.ts";
import type { NodeSources } from "./node-versions.ts";
import type { PackageVersion } from "./packument.ts";
import { bunPackage, pnpmProgramPackage } from "./platform-packages.ts";
import type { Architecture } from "./platform-packages.ts";

export type PackageManagerName = "pnpm" | "yarn" | "bun";

/** The app's request, as written; absent where it specifies nothing. */
export interface PackageManagerRequirement {
  readonly name: PackageManagerName;
  /** A version or a range. */
  readonly wanted?: string | undefined;
  /** Source of the request, for messages: `packageManager of package.json`. */
  readonly wantedIn?: string | undefined;
  /** Verified when the layer is made. */
  readonly hash?: PackageHash | undefined;
  /**
   * `lockfileVersion` of pnpm-lock.yaml, or `version` in the `__metadata` of yarn.lock; `1` for yarn 1. A frozen
   * installation fails when the package manager would write another version.
   */
  readonly lockfileVersion?: string | undefined;
  /** Version of Node.js on which it runs. */
  readonly nodeVersion: string;
}

/** A package of the npm registry. */
export interface PackageId {
  readonly name: string;
  readonly version: string;
}

export interface PackageManagerChoice {
  readonly name: PackageManagerName;
  readonly version: string;
  readonly package: PackageId;
  /** A package whose file `pnpm` replaces the commands of the main package. */
  readonly program?: PackageId | undefined;
  /** Name of a command → path within the package. */
  readonly commands: Readonly<Record<string, string>>;
  readonly hash?: PackageHash | undefined;
  /** Lines for the log. */
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Versions that leave a lock file of this version unchanged. Other lock files get the newest. pnpm 9 to 12 write 9.0, but pnpm 11 and
 * later require a setting that apps of pnpm 9 may lack (which build scripts may run), so apps of later versions name them in package.json.
 */
const lockfileRanges: Readonly<Record<PackageManagerName, Readonly<Record<string, string>>>> = {
  pnpm: { "5.3": "6.x", "5.4": "7.x", "6.0": "8.x", "6.1": "8.x", "9.0": ">=9 <11" },
  yarn: {
    1: "1.x",
    4: ">=2 <3.1",
    5: "3.1.x",
    6: ">=3.2 <4",
    8: ">=4 <4.14",
    9: "4.14.x",
    10: ">=4.15",
  },
  bun: {},
};
const bunCommands = { bun: "bin/bun", bunx: "bin/bun" };

interface Candidate extends PackageVersion {
  readonly packageName: string;
}

/**
 * @throws {SlipwayError} "build-failed" when the request is not a range or nothing fits it; "toolchain-unavailable" when the registry
 * fails; the signal's reason when aborted.
 */
export async function resolvePackageManager(
  sources: NodeSources,
  requirement: PackageManagerRequirement,
  signal: AbortSignal,
): Promise<PackageManagerChoice> {
  const { name, nodeVersion, hash } = requirement;
  const wanted = requirement.wanted?.trim() ?? "";
  const wantedIn = requirement.wantedIn ?? "the app";
  if (!isRange(wanted))
    throw refused(`${quoted(wanted)} (${wantedIn}) is neither a version of ${name} nor a range of versions.`);
  const { candidates, warnings } = await readCandidates(sources, name, signal);
  const preferred = lockfileRanges[name][requirement.lockfileVersion ?? ""] ?? "*";
  const range = wanted === "" ? "*" : wanted;
  const version = chooseVersion(versionsFor(candidates, nodeVersion), range, preferred);
  const found = version === null ? undefined : candidates.get(version);
  if (version === null || found === undefined) throw noneFits(requirement, range, wantedIn, candidates);
  return {
    name,
    version,
    package: { name: found.packageName, version },
    ...readCommands(name, version, found, sources.architecture),
    hash,
    lines: [...(wanted === "" ? [] : [`${wantedIn}: ${name} ${wanted}`]), `${name} ${version}`],
    warnings,
  };
}

/** Versions of yarn are in two packages: 1 in its own, later ones in `@yarnpkg/cli-dist`. */
async function readCandidates(
  { npm, architecture }: NodeSources,
  name: PackageManagerName,
  signal: AbortSignal,
) {
  const packages = {
    pnpm: ["pnpm"],
    yarn: ["yarn", "@yarnpkg/cli-dist"],
    bun: [bunPackage(architecture)],
  }[name];
  const packuments = await Promise.all(packages.map((packageName) => npm.packument(packageName, signal)));
  const candidates = packuments.flatMap(({ name: packageName, versions }) =>
    Array.from(versions, ([version, known]) => [version, { ...known, packageName }] as const).filter(
      ([version]) => packageName !== "yarn" || /^[01]\./.test(version),
    ),
  );
  const warnings = packuments.flatMap(({ warning }) => (warning === undefined ? [] : [warning]));
  return { candidates: new Map<string, Candidate>(candidates), warnings };
}

function readCommands(
  name: PackageManagerName,
  version: string,
  { bin, optionalDependencies }: Candidate,
  architecture: Architecture,
): Pick<PackageManagerChoice, "commands" | "program"> {
  if (name === "bun") return { commands: bunCommands };
  if (Object.keys(bin).length === 0)
    throw unavailable(`The npm registry names no commands of the package ${name} ${version}.`);
  const program = pnpmProgramPackage(architecture);
  const programVersion = name === "pnpm" ? optionalDependencies[program] : undefined;
  if (programVersion === undefined) return { commands: bin };
  return { commands: bin, program: { name: program, version: programVersion } };
}

function noneFits(
  { name, nodeVersion }: PackageManagerRequirement,
  range: string,
  wantedIn: string,
  candidates: ReadonlyMap<string, Candidate>,
) {
  const existing = chooseVersion([...candidates.keys()], range, "*");
  if (existing === null)
    return refused(
      `No ${name} version fits ${quoted(range)} (${wantedIn}). The npm registry lists those there are.`,
    );
  return refused(
    `No ${name} version fits both ${quoted(range)} (${wantedIn}) and Node.js ${nodeVersion}.`,
    `${name} ${existing} needs Node.js ${candidates.get(existing)?.node}.`,
  );
}
