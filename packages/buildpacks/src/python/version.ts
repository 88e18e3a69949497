// Determines the Python version that an app asks for.

import { SlipwayError } from "@slipway/core";
import type { LanguageSource } from "../language.ts";
import { jsonOf, stringOf, type Table, textOf } from "../documents.ts";

export interface PythonRequirement {
  /** As the app writes it; empty when the app does not specify one. */
  readonly wanted: string;
  /** Source of the version, for messages. */
  readonly wantedIn: string;
  /** The version as a range of semantic versions; `*` for any version. */
  readonly range: string;
}

/** Reads .python-version, runtime.txt, Pipfile.lock and pyproject.toml, in this order. @throws {SlipwayError} "build-failed". */
export function pythonRequirement(source: LanguageSource, project: Table): PythonRequirement {
  const found = [
    { wanted: firstLine(source, ".python-version"), wantedIn: ".python-version" },
    { wanted: firstLine(source, "runtime.txt"), wantedIn: "runtime.txt" },
    { wanted: ofPipfileLock(source), wantedIn: "Pipfile.lock" },
    {
      wanted: stringOf(project, "project", "requires-python"),
      wantedIn: "requires-python of pyproject.toml",
    },
    {
      wanted: stringOf(project, "tool", "poetry", "dependencies", "python"),
      wantedIn: "tool.poetry.dependencies.python of pyproject.toml",
    },
  ].find(({ wanted }) => wanted !== "");
  if (found === undefined) return { wanted: "", wantedIn: "the default", range: "*" };
  const { wanted } = found;
  const range = versionRange(wanted);
  if (range !== null) return { ...found, range };
  throw new SlipwayError(
    "build-failed",
    `${found.wantedIn} names ${JSON.stringify(wanted.slice(0, 100))}, which is not a version of CPython. Write a version such as 3.12, or 3.12.4.`,
  );
}

/** @returns a range of semantic versions for version specifiers of Python or Poetry; null for invalid specifiers. */
export function versionRange(specifiers: string): string | null {
  const alternatives = specifiers.replace(/^(?:cpython|python)[-@]?/, "").split("||");
  const ranges = alternatives.map((one) => one.split(",").map((part) => comparator(part.trim())));
  if (ranges.some((parts) => parts.includes(null))) return null;
  return ranges.map((parts) => parts.filter((part) => part !== "").join(" ") || "*").join(" || ");
}

function comparator(specifier: string): string | null {
  const [, operator = "", version = ""] =
    /^(===?|~=|!=|>=|<=|>|<|\^|~)?\s*v?(\d+(?:\.\d+){0,2}(?:\.\*)?|\*)$/.exec(specifier) ?? [];
  if (version === "") return null;
  // An exclusion does not select a version; uv refuses an excluded interpreter.
  if (operator === "!=" || version === "*") return "";
  const numbers = version.replace(/\.\*$/, "").split(".");
  if (operator === "~=")
    return numbers.length > 2 ? `~${numbers.join(".")}` : `>=${numbers.join(".")} <${Number(numbers[0]) + 1}`;
  const bare = operator === "" || operator.startsWith("==");
  if (bare) return numbers.length === 3 ? numbers.join(".") : `${numbers.join(".")}.x`;
  if (operator === "^" || operator === "~") return `${operator}${numbers.join(".")}`;
  // Python pads a short version with zeros, while semver reads "<=3.11" as any 3.11.
  return `${operator}${[...numbers, "0", "0"].slice(0, 3).join(".")}`;
}

function ofPipfileLock(source: LanguageSource): string {
  const lock = jsonOf(source, "Pipfile.lock");
  const version = (name: string) => stringOf(lock, "_meta", "requires", name);
  return version("python_full_version") || version("python_version");
}

/** The first line that is neither empty nor a comment. */
function firstLine(source: LanguageSource, name: string): string {
  const lines = textOf(source, name)
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim());
  return lines.find((line) => line !== "") ?? "";
}
