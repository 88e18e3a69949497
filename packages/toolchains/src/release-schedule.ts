// Node.js's release schedule, from the npm package node-releases: the LTS lines and their names.

import semver from "semver";
import { unavailable } from "./failures.ts";
import type { NpmRegistry } from "./npm-registry.ts";

export interface LtsLine {
  /** Major version. */
  readonly line: number;
  /** In lower case: `jod`. */
  readonly name: string;
  /** The day from which the line is an LTS line: `2024-10-29`. */
  readonly since: string;
}

const packageName = "node-releases";
const file = "data/release-schedule/release-schedule.json";

/**
 * @returns the lines that are or will be LTS lines and have a name, oldest first; also a line for the log if they come from an earlier
 * response of the registry.
 * @throws {SlipwayError} "toolchain-unavailable".
 */
export async function readLtsLines(
  npm: NpmRegistry,
  signal: AbortSignal,
): Promise<{ lines: LtsLine[]; warnings: string[] }> {
  const { versions, warning } = await npm.packument(packageName, signal);
  const version = semver.maxSatisfying([...versions.keys()], "2.x");
  if (version === null) throw unreadable("the package has no version 2.x");
  const lines = parse(await npm.file(packageName, version, file, signal));
  if (lines.length === 0) throw unreadable(`version ${version} lists no LTS lines`);
  return { lines, warnings: warning === undefined ? [] : [warning] };
}

/** @returns the newest line that is an LTS line on that day. */
export function newestLts(lines: readonly LtsLine[], day: Date): LtsLine | undefined {
  return lines.findLast(({ since }) => since <= day.toISOString().slice(0, 10));
}

function parse(text: string): LtsLine[] {
  let schedule: Readonly<Record<string, { readonly lts?: unknown; readonly codename?: unknown }>>;
  try {
    schedule = JSON.parse(text) as typeof schedule;
  } catch (error) {
    throw unreadable("it is not valid JSON", error);
  }
  const lines = Object.entries(schedule).flatMap(([key, { lts, codename }]) => {
    const line = Number(/^v(\d+)$/.exec(key)?.[1]);
    const isNamed = typeof lts === "string" && typeof codename === "string" && codename !== "";
    return isNamed && line > 0 ? [{ line, name: codename.toLowerCase(), since: lts }] : [];
  });
  return lines.toSorted((one, other) => one.line - other.line);
}

function unreadable(reason: string, cause?: unknown) {
  return unavailable(
    `Node.js's release schedule (npm package ${packageName}) cannot be read: ${reason}.`,
    cause,
  );
}
