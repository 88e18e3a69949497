// House rules that a reader could check file by file.

import { basename } from "node:path";
import { expect, test } from "vitest";
import { codeOf, filesOf, isTest, textOf } from "./repository.ts";

const code = filesOf("{apps,packages,tools,test,bench}/**/*.{ts,tsx,mts,mjs}");
const stacks = filesOf("stacks/**/*").filter((path) => textOf(path).startsWith("#!"));
const shipped = filesOf("{{apps,packages}/*,tools}/{bootstrap,src}/**/*.{ts,tsx,mjs}").filter(
  (path) => !isTest(path),
);
const maxFunctionLines = 60;
const environmentReaders = new Set([
  // Parses the environment.
  "config.ts",
  // Passes the environment to config.ts.
  "main.ts",
  // Runs before any package is installed.
  "run.mjs",
  // Passes the environment to other programs.
  "child-environment.ts",
  // vitest passes nothing else to a reporter of the command line.
  "unhandled-errors.ts",
]);
const readsEnvironment = /\bprocess\.env\b|\benv\b[^=;]*\}\s*=\s*process\b/;

test("each file begins with a comment that says what it is for; a test says it by its name", () => {
  const files = [...code.filter((path) => !path.endsWith(".test.ts")), ...stacks];
  expect(files.filter((path) => !hasOpening(textOf(path)))).toEqual([]);
});

test("no file or folder has a name that says nothing", () => {
  const vague = /^(utils?|common|helpers?|misc|shared|lib)(\.|$)/;
  expect(code.filter((path) => path.split("/").some((part) => vague.test(part)))).toEqual([]);
});

test("the environment is read by the files that are made for it", () => {
  const readers = shipped.filter((path) => readsEnvironment.test(withoutTexts(codeOf(path))));
  expect(readers.filter((path) => !environmentReaders.has(basename(path)))).toEqual([]);
});

test("main.ts alone ends its process", () => {
  const enders = shipped.filter((path) => /\bprocess\.(exit|abort)\b/.test(codeOf(path)));
  expect(enders.filter((path) => !/^apps\/[a-z]+\/src\/main\.ts$/.test(path))).toEqual([]);
});

test("no package that a worker loads calls fetch, whose parser takes 23 MB when it is compiled", () => {
  const callers = shipped.filter((path) => /(?<![.#\w])fetch\((?!\w+:)/.test(codeOf(path)));
  const others = /^(apps\/(cli|console)|packages\/(setup|testkit)|tools)\//;
  expect(callers.length).toBeGreaterThan(0);
  expect(callers.filter((path) => !others.test(path))).toEqual([]);
});

test("processes log through their logger", () => {
  expect(shipped.filter((path) => /\bconsole\./.test(codeOf(path)))).toEqual([]);
});

test("no check of the compiler is switched off, no module is mocked, no task is left in a comment", () => {
  const forbidden = /[@]ts-(ignore|expect-error|nocheck)|\bvi[.]mock\b|\bTOD[O]\b/;
  expect(code.filter((path) => forbidden.test(textOf(path)))).toEqual([]);
});

test("no value is cast to any type by way of unknown", () => {
  expect(code.filter((path) => /\bas unknown as\b/.test(codeOf(path)))).toEqual([]);
});

test("no time limit is shared by all tests of a file, which fail when the first ones were slow", () => {
  const shared = /^(?:export )?const [^=\n]+ = AbortSignal\.timeout\(/m;
  expect(code.filter((path) => isTest(path) && shared.test(textOf(path)))).toEqual([]);
});

test("no exported function is longer than sixty lines", () => {
  const long = code.flatMap((path) =>
    exportedFunctionsOf(textOf(path))
      .filter(({ lineCount }) => lineCount > maxFunctionLines)
      .map(({ name }) => `${path}: ${name}`),
  );
  expect(long).toEqual([]);
});

function hasOpening(text: string): boolean {
  const lines = text.split("\n");
  const first = lines[0]?.startsWith("#!") === true ? lines[1] : lines[0];
  return /^(\/\/|\/\*|#) ?\S+/.test(first ?? "");
}

/** Removes texts, because messages to users may name the environment. */
function withoutTexts(source: string): string {
  return source.replaceAll(/"[^"\n]*"/g, '""');
}

interface ExportedFunction {
  readonly name: string;
  /** The number of lines from the declaration to the closing brace. */
  readonly lineCount: number;
}

/** Relies on oxfmt's format: a declaration or a constant's arrow function begins and ends at the start of a line. */
function exportedFunctionsOf(source: string): ExportedFunction[] {
  const declared = /^export (?:default )?(?:async )?function\*? (\w+)[^]*?^\}/gm;
  const constant =
    /^export const (\w+)(?:: [^=\n]+)? = (?:async )?(?:\([^]*?\)|\w+)(?:: [^=\n]+)? => [^]*?^\}/gm;
  return [declared, constant].flatMap((declaration) =>
    Array.from(source.matchAll(declaration), ([text, name = ""]) => ({
      name,
      lineCount: text.split("\n").length,
    })),
  );
}
