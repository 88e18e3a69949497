// Parses the output of a buildpack's bin/release: default config variables and process types, in YAML.

import { SlipwayError } from "@slipway/core";
import { parse } from "yaml";
import { isProcessType } from "./procfile.ts";

export interface ReleaseOutput {
  readonly configVars: Readonly<Record<string, string>>;
  /** Process type → shell command. */
  readonly defaultProcessTypes: Readonly<Record<string, string>>;
}

const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * @param yamlText Empty text, `---` alone and `{}` define nothing.
 * @throws {SlipwayError} "build-failed" when the text is not valid output of bin/release.
 */
export function parseRelease(yamlText: string): ReleaseOutput {
  const document = parseYaml(yamlText);
  return {
    configVars: stringSection(document, "config_vars", (name) => variableName.test(name)),
    defaultProcessTypes: stringSection(document, "default_process_types", isProcessType),
  };
}

/**
 * @param texts the outputs of several buildpacks, in the order in which they ran. Later variables replace earlier ones; the process
 * types are those of the last output that defines any.
 * @throws {SlipwayError} "build-failed" when one of the texts is not valid output of bin/release.
 */
export function mergeReleases(texts: readonly string[]): ReleaseOutput {
  const outputs = texts.map(parseRelease);
  const typed = outputs.findLast(({ defaultProcessTypes }) => Object.keys(defaultProcessTypes).length > 0);
  return {
    configVars: Object.assign({}, ...outputs.map(({ configVars }) => configVars)) as Record<string, string>,
    defaultProcessTypes: typed?.defaultProcessTypes ?? {},
  };
}

function parseYaml(text: string): ReadonlyMap<unknown, unknown> {
  try {
    // The schema "failsafe" has only strings, so `1.10` and `no` are kept as written. Aliases are limited, because the text is
    // not trusted.
    const value: unknown = parse(text, {
      schema: "failsafe",
      mapAsMap: true,
      maxAliasCount: 10,
      logLevel: "error",
    });
    return mapping(value, "it");
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    throw invalidOutput(
      error instanceof Error ? (error.message.split("\n")[0] ?? "not YAML") : String(error),
      error,
    );
  }
}

function mapping(value: unknown, what: string): ReadonlyMap<unknown, unknown> {
  if (value === null || value === undefined || value === "") return new Map();
  // Scripts that print JSON or Ruby's to_yaml print an empty list when they define nothing.
  if (Array.isArray(value) && value.length === 0) return new Map();
  if (value instanceof Map) return value;
  throw invalidOutput(`${what} is not a mapping`);
}

function stringSection(
  document: ReadonlyMap<unknown, unknown>,
  key: string,
  isName: (name: string) => boolean,
): Readonly<Record<string, string>> {
  const entries = [...mapping(document.get(key), key)].map(([name, value]): [string, string] => {
    if (typeof name !== "string" || !isName(name))
      throw invalidOutput(`${key} contains the invalid name "${String(name).slice(0, 80)}"`);
    if (typeof value !== "string") throw invalidOutput(`the value of ${name} in ${key} is not a string`);
    return [name, value];
  });
  return Object.fromEntries(entries);
}

function invalidOutput(reason: string, cause?: unknown): SlipwayError {
  return new SlipwayError(
    "build-failed",
    `The output of the buildpack's bin/release is invalid: ${reason}.`,
    { cause },
  );
}
