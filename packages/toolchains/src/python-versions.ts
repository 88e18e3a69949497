// Chooses the Python and uv versions of an app.

import semver from "semver";
import type { PythonRequirement } from "@slipway/buildpacks";
import { SlipwayError } from "@slipway/core";
import { refused, unavailable } from "./failures.ts";
import type { Architecture } from "./platform-packages.ts";
import type { IndexFile, PythonIndex } from "./python-index.ts";
import type { MirroredPython, PythonMirror } from "./python-mirror.ts";

export interface PythonSources {
  readonly index: PythonIndex;
  /** Null when the operator has not configured one. */
  readonly mirror: PythonMirror | null;
  /** Python version in the stack; null when the stack has none. */
  readonly stackVersion: string | null;
  readonly architecture: Architecture;
}

export interface PythonChoice {
  readonly version: string;
  /** Null for the stack's Python. */
  readonly mirrored: MirroredPython | null;
}

export interface UvChoice {
  readonly version: string;
  readonly wheel: IndexFile;
}

const tags: Readonly<Record<Architecture, string>> = { x64: "x86_64", arm64: "aarch64" };

/**
 * The stack's Python if it fits, otherwise the newest fitting one in the mirror.
 * @throws {SlipwayError} "build-failed" when none fits, with the available ones; "configuration-invalid" when there is no Python at
 * all; "toolchain-unavailable".
 */
export async function resolvePython(
  { mirror, stackVersion, architecture }: PythonSources,
  requirement: PythonRequirement,
  signal: AbortSignal,
): Promise<PythonChoice> {
  if (stackVersion !== null && semver.satisfies(stackVersion, requirement.range))
    return { version: stackVersion, mirrored: null };
  if (mirror === null && stackVersion === null)
    throw new SlipwayError(
      "configuration-invalid",
      "There is no Python for apps: the stack image has no label slipway.python, and PYTHON_MIRROR is not set.",
    );
  const mirrored = mirror === null ? [] : await mirror.interpreters(architecture, signal);
  const newest = semver.maxSatisfying(
    mirrored.map(({ version }) => version),
    requirement.range,
  );
  const found = mirrored.find(({ version }) => version === newest);
  if (found !== undefined) return { version: found.version, mirrored: found };
  throw notAvailable(requirement, stackVersion, mirror === null ? null : mirrored);
}

/** The newest version of uv that the app allows. @throws {SlipwayError} "build-failed"; "toolchain-unavailable". */
export async function resolveUv(
  { index, architecture }: Pick<PythonSources, "index" | "architecture">,
  range: string,
  signal: AbortSignal,
): Promise<UvChoice> {
  const wheels = new Map<string, IndexFile>();
  for (const file of await index.linuxWheels("uv", signal)) {
    const [, version = "", platform = ""] =
      /^uv-(\d+\.\d+\.\d+)-py3-none-(manylinux[^-]*)\.whl$/.exec(file.name) ?? [];
    if (platform.includes(tags[architecture])) wheels.set(version, file);
  }
  const versions = [...wheels.keys()];
  if (versions.length === 0)
    throw unavailable("The Python package index has no wheel of uv for this machine.");
  const version = semver.maxSatisfying(versions, range);
  const wheel = wheels.get(version ?? "");
  if (version !== null && wheel !== undefined) return { version, wheel };
  throw refused(`No version of uv fits ${range} (tool.uv.required-version of pyproject.toml).`);
}

function notAvailable(
  { wanted, wantedIn }: PythonRequirement,
  stackVersion: string | null,
  mirrored: readonly MirroredPython[] | null,
): SlipwayError {
  const versions = new Set([
    ...(stackVersion === null ? [] : [stackVersion]),
    ...(mirrored ?? []).map(({ version }) => version),
  ]);
  const list = semver.rsort([...versions]).join(", ");
  const advice =
    mirrored === null
      ? "The operator of this installation offers other versions with PYTHON_MIRROR."
      : "The operator of this installation chooses the others with PYTHON_MIRROR.";
  return refused(
    `Python ${wanted} (${wantedIn}) is not available. Available: ${list}.`,
    `Name one of these, or only its first two numbers, in ${wantedIn.includes("requires") ? "it" : wantedIn}. ${advice}`,
  );
}
