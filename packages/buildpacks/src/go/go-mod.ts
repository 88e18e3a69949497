// The parts of go.mod that a build needs. Go itself reads the rest, and reports mistakes with their lines.

import { SlipwayError } from "@slipway/core";

export interface GoMod {
  /** The module's path. */
  readonly module: string;
  /** Version in the `go` line; empty without one. */
  readonly go: string;
  /** Version in the `toolchain` line, without its prefix `go`; empty without one, and for `default`. */
  readonly toolchain: string;
  /** Version in a comment `// +heroku goVersion go1.22`; empty without one. */
  readonly heroku: string;
}

/** A version of Go as go.mod writes it: 1.22, 1.22.3, 1.23rc1. */
const version = String.raw`\d+\.\d+(?:\.\d+)?(?:(?:rc|beta)\d+)?`;

/** @throws {SlipwayError} "build-failed" when go.mod is malformed, with the line and what to change. */
export function parseGoMod(text: string): GoMod {
  const found = { module: "", go: "", toolchain: "" };
  let block = "";
  for (const [index, line] of text.split("\n").entries()) {
    const [directive = "", value = ""] = line
      .replace(/\/\/.*/, "")
      .trim()
      .split(/\s+/);
    if (block !== "") {
      if (directive === ")") block = "";
      else if (block === "module" && directive !== "") found.module = unquoted(directive);
    } else if (value === "(" || directive.endsWith("(")) block = directive.replace(/\($/, "");
    else if (directive === "module") found.module = unquoted(value);
    else if (directive === "go") found.go = matched(value, `^${version}$`, index, "go 1.22");
    else if (directive === "toolchain" && value !== "default")
      found.toolchain = matched(value, `^go${version}(?:-\\S+)?$`, index, "toolchain go1.22.5").replace(
        /^go|-.*/g,
        "",
      );
    else if (/^(<{7}|={7}|>{7})/.test(directive))
      throw malformed(`Line ${index + 1} is a mark of a merge conflict. Resolve the conflict`);
  }
  if (block !== "") throw malformed(`A block "${block.slice(0, 50)} (" has no end. Add a line with ")"`);
  if (found.module === "") throw malformed('It has no "module" line. Run: go mod init example.com/app');
  const [, heroku = ""] =
    new RegExp(String.raw`^//\s*\+heroku\s+goVersion\s+(?:go)?(${version})\s*$`, "m").exec(text) ?? [];
  return { ...found, heroku };
}

function matched(value: string, pattern: string, index: number, example: string): string {
  if (new RegExp(pattern).test(value)) return value;
  throw malformed(
    `Line ${index + 1} names ${JSON.stringify(value.slice(0, 50))}, which is not a version of Go. Write a line such as "${example}"`,
  );
}

function unquoted(text: string): string {
  return text.replace(/^["`](.*)["`]$/, "$1");
}

function malformed(problem: string): SlipwayError {
  return new SlipwayError("build-failed", `go.mod is malformed. ${problem}.`);
}
