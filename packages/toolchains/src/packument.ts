// What the npm registry says of a package (its "packument"), reduced to what is used here.

import semver from "semver";
import { unavailable } from "./failures.ts";

export interface PackageVersion {
  readonly tarball: string;
  /** Base64 of the tarball's sha512; empty when the registry gives none. */
  readonly sha512: string;
  /** Range of Node.js versions that it says it runs on. */
  readonly node: string;
  /** Name of a command → path within the package. */
  readonly bin: Readonly<Record<string, string>>;
  /** Name → version; packages for single platforms, for example. */
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

export interface Packument {
  readonly name: string;
  /** By version, valid ones only. */
  readonly versions: ReadonlyMap<string, PackageVersion>;
  /** Set when the registry did not respond, and this is its earlier answer: a line for the log that says so. */
  readonly warning?: string;
}

/**
 * @param text JSON, in the registry's form or in that of `formatPackument`.
 * @throws {SlipwayError} "toolchain-unavailable" when it is not a packument.
 */
export function parsePackument(name: string, text: string): Packument {
  const versions = record(record(parseJson(name, text))["versions"]);
  const entries = Object.entries(versions).flatMap(([version, value]) =>
    semver.valid(version) === version ? [[version, parseVersion(record(value))] as const] : [],
  );
  if (entries.length === 0) throw senseless(name);
  return { name, versions: new Map(entries) };
}

/** The registry's form, without what is not used here. */
export function formatPackument({ versions }: Packument): string {
  const entries = Array.from(versions, ([version, { tarball, sha512, node, bin, optionalDependencies }]) => [
    version,
    { dist: { tarball, integrity: `sha512-${sha512}` }, engines: { node }, bin, optionalDependencies },
  ]);
  return JSON.stringify({ versions: Object.fromEntries(entries) });
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw senseless(name, error);
  }
}

function parseVersion(value: Readonly<Record<string, unknown>>): PackageVersion {
  const { tarball, integrity } = record(value["dist"]);
  // Several hashes may be given, separated by blanks.
  const hashes = textOf(integrity).split(" ");
  const sha512 = hashes.find((hash) => hash.startsWith("sha512-"))?.slice("sha512-".length) ?? "";
  return {
    tarball: textOf(tarball),
    sha512,
    node: textOf(record(value["engines"])["node"]) || "*",
    bin: texts(value["bin"]),
    optionalDependencies: texts(value["optionalDependencies"]),
  };
}

function texts(value: unknown): Record<string, string> {
  const entries = Object.entries(record(value)).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return Object.fromEntries(entries);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function senseless(name: string, cause?: unknown) {
  return unavailable(`The npm registry's answer about the package ${name} is not a list of versions.`, cause);
}
