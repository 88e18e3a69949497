// The npm registry's metadata of a package (its "packument"), reduced to the fields used here.

import type { ByteStream } from "@slipway/core";
import semver from "semver";
import { unavailable } from "./failures.ts";
import { jsonMembers } from "./json-members.ts";

export interface PackageVersion {
  readonly tarball: string;
  /** Base64 of the tarball's sha512; empty when the registry has none. */
  readonly sha512: string;
  /** Range of Node.js versions that the package declares to support. */
  readonly node: string;
  /** Name of a command → path within the package. */
  readonly bin: Readonly<Record<string, string>>;
  /** Name → version, for example of packages for single platforms. */
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

export interface Packument {
  readonly name: string;
  /** Valid versions only, by version. */
  readonly versions: ReadonlyMap<string, PackageVersion>;
  /** Set for an earlier response, because the registry did not respond: a line for the log. */
  readonly warning?: string;
}

/**
 * @param json in the registry's format or in that of `formatPackument`. npm's own packument has 3 MB, most of which is unused here.
 * @throws {SlipwayError} "toolchain-unavailable" when it is not a packument; the stream's own error.
 */
export async function readPackument(
  name: string,
  json: ByteStream | Iterable<Uint8Array>,
): Promise<Packument> {
  const versions = new Map<string, PackageVersion>();
  try {
    for await (const [version, value] of jsonMembers(json, "versions"))
      if (semver.valid(version) === version) versions.set(version, parseVersion(record(value)));
  } catch (error) {
    throw error instanceof SyntaxError ? senseless(name, error) : error;
  }
  if (versions.size === 0) throw senseless(name);
  return { name, versions };
}

/** The registry's format, with only the fields used here. */
export function formatPackument({ versions }: Packument): string {
  const entries = Array.from(versions, ([version, { tarball, sha512, node, bin, optionalDependencies }]) => [
    version,
    { dist: { tarball, integrity: `sha512-${sha512}` }, engines: { node }, bin, optionalDependencies },
  ]);
  return JSON.stringify({ versions: Object.fromEntries(entries) });
}

function parseVersion(value: Readonly<Record<string, unknown>>): PackageVersion {
  const { tarball, integrity } = record(value["dist"]);
  // There may be several hashes, separated by blanks.
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
