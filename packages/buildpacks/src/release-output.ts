// Reads what a buildpack's bin/release printed: default config variables and process types, as YAML.

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
 * @param yamlText null or empty when there is no bin/release; `---` alone and `{}` mean nothing to say too.
 * @throws {SlipwayError} "build-failed" when it is not what a buildpack may print.
 */
export function parseRelease(yamlText: string | null): ReleaseOutput {
  const document = parsed(yamlText ?? "");
  return {
    configVars: strings(document, "config_vars", (name) => variableName.test(name)),
    defaultProcessTypes: strings(document, "default_process_types", isProcessType),
  };
}

function parsed(text: string): ReadonlyMap<unknown, unknown> {
  try {
    // "failsafe" has strings only, so `1.10` and `no` stay what was written; few aliases, for the text is a stranger's
    const value: unknown = parse(text, {
      schema: "failsafe",
      mapAsMap: true,
      maxAliasCount: 10,
      logLevel: "error",
    });
    return section(value, "it");
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    throw wrong(error instanceof Error ? (error.message.split("\n")[0] ?? "not YAML") : String(error), error);
  }
}

function section(value: unknown, what: string): ReadonlyMap<unknown, unknown> {
  if (value === null || value === undefined || value === "") return new Map();
  if (value instanceof Map) return value;
  throw wrong(`${what} is not a mapping`);
}

function strings(
  document: ReadonlyMap<unknown, unknown>,
  key: string,
  isName: (name: string) => boolean,
): Readonly<Record<string, string>> {
  const entries = [...section(document.get(key), key)].map(([name, value]): [string, string] => {
    if (typeof name !== "string" || !isName(name))
      throw wrong(`${key} has the name "${String(name).slice(0, 80)}"`);
    if (typeof value !== "string") throw wrong(`${key} has no text for ${name}`);
    return [name, value];
  });
  return Object.fromEntries(entries);
}

function wrong(reason: string, cause?: unknown): SlipwayError {
  return new SlipwayError(
    "build-failed",
    `The buildpack's bin/release printed something unusable: ${reason}.`,
    { cause },
  );
}
