// Chooses the Go version of an app.

import type { GoRequirement } from "@slipway/buildpacks";
import { refused, unavailable } from "./failures.ts";
import type { GoProxy } from "./go-proxy.ts";
import type { Architecture } from "./platform-packages.ts";

export interface GoSources {
  readonly proxy: GoProxy;
  readonly architecture: Architecture;
}

export interface GoChoice {
  readonly version: string;
  /** `h1:…`; null when it could not be verified. */
  readonly hash: string | null;
  /** Lines for the log. */
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
}

/** A release as comparable numbers: a prerelease precedes its release. */
type Numbers = readonly [major: number, minor: number, patch: number, isRelease: number, prerelease: number];

/** Minor versions before this one lack required build options. Later ones can compile code that was written for them. */
const oldest: Numbers = [1, 18, 0, 0, 0];

/**
 * An exact version, or the newest of a minor version; the newest of all when the app does not specify one.
 * @throws {SlipwayError} "build-failed" when the proxy has no such version; "toolchain-unavailable"; the signal's reason when aborted.
 */
export async function resolveGo(
  { proxy, architecture }: GoSources,
  { wanted, wantedIn }: GoRequirement,
  signal: AbortSignal,
): Promise<GoChoice> {
  const { versions, warning } = await proxy.versions(architecture, signal);
  const releases = sortedReleases(versions);
  const isTooOld = wanted !== "" && compare(numbersOf(wanted), oldest) < 0;
  const version =
    wanted === "" || isTooOld
      ? releases.at(-1)
      : await fitting(proxy, { wanted, releases, architecture, signal });
  if (version === undefined && (wanted === "" || isTooOld))
    throw unavailable("The module proxy lists no version of Go.");
  if (version === undefined) throw noneFits({ wanted, wantedIn }, releases);
  const checksum = await proxy.checksum(version, architecture, signal);
  return {
    version,
    hash: checksum.hash,
    lines: [`Using Go ${version}`, reasonFor({ wanted, wantedIn }, isTooOld)],
    warnings: [
      ...(warning === undefined ? [] : [warning]),
      ...(checksum.warning === undefined ? [] : [`Go ${version} is not checked: ${checksum.warning}`]),
    ],
  };
}

function reasonFor({ wanted, wantedIn }: GoRequirement, isTooOld: boolean): string {
  if (wanted === "")
    return 'go.mod names no version: add a line such as "go 1.22" to build with the same one each time';
  if (isTooOld)
    return `${wantedIn} names ${wanted}: what was written for versions before 1.18 is built with the newest one`;
  return `${wantedIn} names ${wanted}`;
}

async function fitting(
  proxy: GoProxy,
  given: {
    readonly wanted: string;
    readonly releases: readonly string[];
    readonly architecture: Architecture;
    readonly signal: AbortSignal;
  },
): Promise<string | undefined> {
  const { wanted, releases, architecture, signal } = given;
  const isMinor = /^\d+\.\d+$/.test(wanted);
  const newest = releases.findLast((version) => version === wanted || version.startsWith(`${wanted}.`));
  if (isMinor && newest !== undefined) return newest;
  // Since Go 1.21, the first release of a minor version ends in a zero.
  const exact = isMinor && compare(numbersOf(wanted), [1, 21, 0, 0, 0]) > 0 ? `${wanted}.0` : wanted;
  return (await proxy.has(exact, architecture, signal)) ? exact : undefined;
}

/** From oldest to newest, without prereleases. */
function sortedReleases(versions: readonly string[]): readonly string[] {
  return versions
    .filter((version) => /^\d+\.\d+(\.\d+)?$/.test(version))
    .toSorted((a, b) => compare(numbersOf(a), numbersOf(b)));
}

function numbersOf(version: string): Numbers {
  const [, major, minor, patch = "0", kind, number = "0"] =
    /^(\d+)\.(\d+)(?:\.(\d+))?(?:(rc|beta)(\d+))?$/.exec(version) ?? [];
  const prerelease = Number(number) + (kind === "rc" ? 1000 : 0);
  return [Number(major), Number(minor), Number(patch), kind === undefined ? 1 : 0, prerelease];
}

function compare(a: Numbers, b: Numbers): number {
  const differing = a.findIndex((number, index) => number !== b[index]);
  return differing === -1 ? 0 : (a[differing] ?? 0) - (b[differing] ?? 0);
}

function noneFits({ wanted, wantedIn }: GoRequirement, releases: readonly string[]) {
  const minor = wanted
    .split(/[.a-z]/)
    .slice(0, 2)
    .join(".");
  const newest = releases.findLast((version) => version === minor || version.startsWith(`${minor}.`));
  return refused(
    `There is no Go ${wanted} (${wantedIn}).`,
    newest === undefined
      ? `The newest version is ${releases.at(-1) ?? "unknown"}. Name a version that exists, such as ${releases.at(-1) ?? "1.22"}.`
      : `The newest version of ${minor} is ${newest}. Name it, or only ${minor}.`,
  );
}
