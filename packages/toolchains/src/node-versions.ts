// Chooses the versions of Node.js and npm: the newest ones in the npm registry that satisfy the app's request.

import type { PackageHash } from "@slipway/buildpacks";
import { chooseVersion, isRange, versionsFor } from "./choose-version.ts";
import { quoted, refused } from "./failures.ts";
import type { NpmRegistry } from "./npm-registry.ts";
import type { Packument } from "./packument.ts";
import { nodePackage } from "./platform-packages.ts";
import type { Architecture } from "./platform-packages.ts";
import { newestLts, readLtsLines } from "./release-schedule.ts";
import { SlipwayError } from "@slipway/core";

export interface NodeSources {
  readonly npm: NpmRegistry;
  readonly now: () => Date;
  readonly architecture: Architecture;
}

/** The app's request, as written; absent or blank where it specifies nothing. */
export interface NodeRequirement {
  /** A version, a range, or a name: `24`, `v20.1.0`, `22.x || 24.x`, `lts/*`, `lts/jod`, `latest`. */
  readonly wanted?: string | undefined;
  /** Source of the request, for messages: `engines.node of package.json`, `.nvmrc`. */
  readonly wantedIn?: string | undefined;
  /** A version of npm, or a range. */
  readonly wantedNpm?: string | undefined;
  /** Source of the request, for messages. Default: `engines.npm of package.json`. */
  readonly wantedNpmIn?: string | undefined;
  /** Hash of npm's tarball. Checked when the layer is made. */
  readonly npmHash?: PackageHash | undefined;
}

export interface NodeChoice {
  readonly version: string;
  readonly npmVersion: string;
  readonly npmHash?: PackageHash | undefined;
  /** Lines for the log. */
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
}

/** Used when the release schedule cannot be read, and in examples. */
const defaultLine = 24;
/**
 * The npm that each line of Node.js ships with; newer lines get the newest npm that fits. The version matters: npm 12 runs an install
 * script of a dependency only if package.json allows it.
 */
const npmLines: Readonly<Record<string, string>> = {
  18: "10.x",
  20: "10.x",
  22: "10.x",
  24: "11.x",
  26: "11.x",
};

/** A preferred line of Node.js, with remarks for the log. */
interface Preference {
  readonly line: number;
  readonly warnings: readonly string[];
}

/**
 * Without a request, the newest version of the newest LTS line; with a range, the newest of that line if the range contains one.
 * @throws {SlipwayError} "build-failed" when the request is invalid or nothing fits it; "toolchain-unavailable" when the registry
 * fails; the signal's reason when aborted.
 */
export async function resolveNode(
  sources: NodeSources,
  requirement: NodeRequirement,
  signal: AbortSignal,
): Promise<NodeChoice> {
  const { npm, architecture } = sources;
  const wanted = requirement.wanted?.trim() ?? "";
  const wantedIn = wanted === "" ? "the default" : (requirement.wantedIn ?? "the app");
  const packument = await npm.packument(nodePackage(architecture), signal);
  const { range, preferred, warnings } = await readRequirement(sources, wanted, wantedIn, signal);
  const version = chooseVersion([...packument.versions.keys()], range, preferred);
  if (version === null) throw noneFits(packument, wanted === "" ? range : wanted, wantedIn);
  const forNpm = await resolveNpm(npm, version, requirement, signal);
  return {
    version,
    npmVersion: forNpm.version,
    npmHash: requirement.npmHash,
    lines: [
      ...(wanted === "" ? [] : [`${wantedIn}: ${wanted}`]),
      ...forNpm.lines,
      `Node.js ${version}, npm ${forNpm.version}`,
    ],
    warnings: [
      ...(wanted === "" ? missingVersionWarnings(preferred) : []),
      ...warningsOf(packument),
      ...warnings,
      ...forNpm.warnings,
    ],
  };
}

async function readRequirement(sources: NodeSources, wanted: string, wantedIn: string, signal: AbortSignal) {
  const name = wanted.toLowerCase();
  if (name === "latest" || name === "current" || name === "node")
    return { range: "*", preferred: "*", warnings: [] };
  if (name === "lts" || name.startsWith("lts/")) return await readLtsName(sources, wanted, wantedIn, signal);
  if (wanted !== "" && !isRange(wanted)) throw notAVersion(wanted, wantedIn);
  const { line, warnings } = await preferredLine(sources, signal);
  return { range: wanted === "" ? `${line}.x` : wanted, preferred: `${line}.x`, warnings };
}

async function readLtsName(sources: NodeSources, wanted: string, wantedIn: string, signal: AbortSignal) {
  const { lines, warnings } = await readLtsLines(sources.npm, signal);
  const name = wanted.toLowerCase().replace(/^lts\/?/, "");
  const found =
    name === "" || name === "*"
      ? newestLts(lines, sources.now())
      : lines.find((candidate) => candidate.name === name);
  if (found === undefined)
    throw refused(
      `${quoted(wanted)} (${wantedIn}) names no LTS line of Node.js.`,
      `There are: ${lines.map((line) => `lts/${line.name}`).join(", ")}; lts/* is the newest of them.`,
    );
  return { range: `${found.line}.x`, preferred: "*", warnings };
}

/** The newest LTS line; the default line when the schedule is not available. */
async function preferredLine({ npm, now }: NodeSources, signal: AbortSignal): Promise<Preference> {
  try {
    const { lines, warnings } = await readLtsLines(npm, signal);
    return { line: newestLts(lines, now())?.line ?? defaultLine, warnings };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SlipwayError) || error.code !== "toolchain-unavailable") throw error;
    return {
      line: defaultLine,
      warnings: [
        `Node.js's release schedule is not available, so line ${defaultLine} is preferred: ${error.message}`,
      ],
    };
  }
}

async function resolveNpm(
  npm: NpmRegistry,
  nodeVersion: string,
  requirement: NodeRequirement,
  signal: AbortSignal,
) {
  const wanted = requirement.wantedNpm?.trim() ?? "";
  const wantedIn = requirement.wantedNpmIn ?? "engines.npm of package.json";
  if (wanted !== "" && !isRange(wanted))
    throw refused(`${quoted(wanted)} (${wantedIn}) is not a version range.`);
  const packument = await npm.packument("npm", signal);
  const line = npmLines[nodeVersion.split(".")[0] ?? ""] ?? "*";
  const range = wanted === "" ? line : wanted;
  const version = chooseVersion(versionsFor(packument.versions, nodeVersion), range, line);
  if (version === null)
    throw refused(`No npm version fits both ${quoted(range)} (${wantedIn}) and Node.js ${nodeVersion}.`);
  const lines = wanted === "" ? [] : [`${wantedIn}: ${wanted}`];
  return { version, lines, warnings: warningsOf(packument) };
}

function missingVersionWarnings(preferred: string): string[] {
  return [
    'package.json names no Node.js version in "engines"; a new one may then break the app.',
    `Using the newest of the LTS line ${preferred}. To fix it: "engines": { "node": "${preferred}" }`,
  ];
}

function noneFits({ name }: Packument, wanted: string, wantedIn: string): SlipwayError {
  return refused(
    `No Node.js version fits ${quoted(wanted)} (${wantedIn}).`,
    `The npm registry's package ${name} lists those there are; "${defaultLine}.x" is a good choice.`,
  );
}

function notAVersion(wanted: string, wantedIn: string): SlipwayError {
  return refused(
    `${quoted(wanted)} (${wantedIn}) is neither a version, nor a range, nor a name of one.`,
    "Accepted are:",
    `  versions and ranges, such as ${defaultLine}, v${defaultLine}.1.0, ${defaultLine}.x or >=22 <25`,
    "  lts/* for the newest LTS line of Node.js, lts/NAME for another one, such as lts/krypton",
    "  latest, current or node for the newest Node.js",
  );
}

function warningsOf({ warning }: Packument): string[] {
  return warning === undefined ? [] : [warning];
}
