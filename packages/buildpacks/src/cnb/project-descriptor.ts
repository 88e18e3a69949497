// Reads project.toml, the project descriptor of Cloud Native Buildpacks, in versions 0.1 and 0.2 of its schema.

import { posix } from "node:path";
import { SlipwayError } from "@slipway/core";
import { parse } from "smol-toml";
import { projectDirectory } from "../plan-source.ts";
import { fieldOf, stringOf, type Table, tablesOf } from "../documents.ts";

export interface ProjectDescriptor {
  /** The builder image; null when the file sets none. */
  readonly builder: string | null;
  /** Variables of the build. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names of settings in the file that Slipway ignores. */
  readonly ignored: readonly string[];
}

const maxBytes = 64 * 1024;

/** @returns the paths of the files that configure a build by Cloud Native Buildpacks, each with its maximum size in bytes. */
export function descriptorControlFiles(
  variables: Readonly<Record<string, string>>,
): ReadonlyMap<string, number> {
  return new Map([[descriptorPath(variables), maxBytes]]);
}

/** @returns null when there is no such file. @throws {SlipwayError} "build-failed" when it is too large, or not TOML. */
export function readProjectDescriptor(source: {
  readonly captured: ReadonlyMap<string, Buffer>;
  readonly oversized: ReadonlySet<string>;
  readonly variables: Readonly<Record<string, string>>;
}): ProjectDescriptor | null {
  const path = descriptorPath(source.variables);
  if (source.oversized.has(path)) throw failed(`${path} is larger than ${maxBytes / 1024} KiB`);
  const bytes = source.captured.get(path);
  if (bytes === undefined) return null;
  const table = parsed(path, bytes.toString("utf8"));
  // Version 0.2 has a separate table for buildpacks; version 0.1 has all settings in [build].
  const current = fieldOf(table, "io", "buildpacks") !== undefined;
  const root: readonly string[] = current ? ["io", "buildpacks"] : ["build"];
  const variables = tablesOf(fieldOf(table, ...root, ...(current ? ["build"] : []), "env")).map(
    (entry): readonly [string, string] => [stringOf(entry, "name"), stringOf(entry, "value")],
  );
  const unsupported = current
    ? ["group", "pre", "post", "include", "exclude"]
    : ["buildpacks", "include", "exclude"];
  return {
    builder: stringOf(table, ...root, "builder") || null,
    environment: Object.fromEntries(variables.filter(([name]) => name !== "")),
    ignored: unsupported
      .filter((name) => fieldOf(table, ...root, name) !== undefined)
      .map((name) => [...root, name].join(".")),
  };
}

function descriptorPath(variables: Readonly<Record<string, string>>): string {
  return posix.join(projectDirectory(variables), "project.toml");
}

function parsed(path: string, text: string): Table {
  try {
    return parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw failed(`${path} is not valid TOML: ${reason}`, error);
  }
}

function failed(message: string, cause?: unknown): SlipwayError {
  return new SlipwayError("build-failed", message, { cause });
}
