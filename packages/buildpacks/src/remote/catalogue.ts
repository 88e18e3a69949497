// The operator's catalogue: buildpacks by URL that apps select by name, or that are selected by the source's files.

import { SlipwayError } from "@slipway/core";
import { parse } from "smol-toml";
import { stringOf, stringsOf, type Table, tableOf } from "../documents.ts";
import { type BuildpackUrl, parseBuildpackUrl } from "./buildpack-url.ts";

export interface CataloguedBuildpack {
  readonly name: string;
  readonly url: BuildpackUrl;
  /** Names of the stacks on which it runs; empty for any stack. */
  readonly stacks: readonly string[];
  /** File names of which the builder "auto" looks for one in the project directory; `*` matches any text. Empty: selected only by name. */
  readonly detects: readonly string[];
}

/** In the order in which the builder "auto" tries the buildpacks. */
export type BuildpackCatalogue = readonly CataloguedBuildpack[];

const namePattern = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const fields: ReadonlySet<string> = new Set(["url", "stacks", "detects"]);

/**
 * @param text TOML with a table for each buildpack: `url`, and optionally `stacks` and `detects`.
 * @param reserved names of the bundled buildpacks.
 * @throws {SlipwayError} "configuration-invalid" with the buildpack and the field that is wrong.
 */
export function parseCatalogue(text: string, reserved: readonly string[]): BuildpackCatalogue {
  return Object.entries(tomlOf(text)).map(([name, value]) => {
    if (!namePattern.test(name))
      throw invalid(`${JSON.stringify(name)} is not a name of lower-case letters, digits, - and _`);
    if (reserved.includes(name)) throw invalid(`${name} is the name of a bundled buildpack`);
    const table = tableOf(value);
    const unknown = Object.keys(table).find((field) => !fields.has(field));
    if (unknown !== undefined) throw invalid(`${name} has the unknown field ${unknown}`);
    return {
      name,
      url: { ...urlOf(name, stringOf(table, "url")), name },
      stacks: listOf(name, table, "stacks"),
      detects: listOf(name, table, "detects"),
    };
  });
}

/**
 * @returns the first buildpack with a matching file, and that file; null when there is none.
 * @param names in the project directory.
 */
export function detectedInCatalogue(
  catalogue: BuildpackCatalogue,
  names: readonly string[],
): { readonly buildpack: CataloguedBuildpack; readonly file: string } | null {
  for (const buildpack of catalogue)
    for (const pattern of buildpack.detects) {
      const file = names.find((name) => matches(pattern, name));
      if (file !== undefined) return { buildpack, file };
    }
  return null;
}

/** @throws {SlipwayError} "no-buildpack" when the buildpack does not run on the stack, with what to do. */
export function checkStack({ name, stacks }: CataloguedBuildpack, stack: string): void {
  if (stacks.length === 0 || stacks.includes(stack)) return;
  throw new SlipwayError(
    "no-buildpack",
    `the buildpack ${name} of the operator's catalogue needs the stack ${stacks.join(" or ")}, and the app's stack is ${stack}`,
    {
      hint: `Choose one of them, if this installation has it: slipway apps set APP --stack ${stacks.join("|")}`,
    },
  );
}

function matches(pattern: string, name: string): boolean {
  if (!pattern.includes("*")) return name === pattern;
  const [first = "", ...rest] = pattern.split("*");
  if (!name.startsWith(first)) return false;
  let from = first.length;
  for (const [index, part] of rest.entries()) {
    const at = index === rest.length - 1 ? name.length - part.length : name.indexOf(part, from);
    if (at < from || !name.startsWith(part, at)) return false;
    from = at + part.length;
  }
  return true;
}

function tomlOf(text: string): Table {
  try {
    return parse(text);
  } catch (error) {
    throw invalid(
      `it is not TOML: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`,
    );
  }
}

function urlOf(name: string, text: string): BuildpackUrl {
  if (text === "") throw invalid(`${name} has no url`);
  try {
    return parseBuildpackUrl(text, `the url of ${name}`);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

function listOf(name: string, table: Table, field: string): readonly string[] {
  const value = table[field];
  if (value === undefined) return [];
  const texts = stringsOf(value);
  if (!Array.isArray(value) || texts.length !== value.length || texts.includes(""))
    throw invalid(`${field} of ${name} is not a list of texts`);
  return texts;
}

function invalid(problem: string): SlipwayError {
  return new SlipwayError(
    "configuration-invalid",
    `The catalogue of buildpacks (BUILDPACKS) cannot be used: ${problem}`,
  );
}
