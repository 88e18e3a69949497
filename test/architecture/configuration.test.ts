// README.md's table of variables names each one that a config.ts reads, and no other.

import { expect, test } from "vitest";
import { filesOf, textOf } from "./repository.ts";

const schemas = [...filesOf("apps/*/src/config.ts"), "packages/service/src/config.ts"];
const inSchema = /^ {2}([A-Z][A-Z0-9_]+):/gm;
const inScripts = /\b(?:text|url|number)\((?:environment, )?"([A-Z][A-Z0-9_]+)"/g;

test("every schema is understood", () => {
  expect(schemas.filter((path) => names(path, inSchema).length === 0)).toEqual([]);
  expect(names("scripts/config.ts", inScripts)).not.toEqual([]);
});

test("the table names each variable once, and nothing else", () => {
  const read = new Set(names("scripts/config.ts", inScripts));
  for (const path of schemas) for (const name of names(path, inSchema)) read.add(name);
  expect(tableNames().toSorted()).toEqual([...read].toSorted());
});

function names(path: string, pattern: RegExp): string[] {
  return Array.from(textOf(path).matchAll(pattern), ([, name]) => name ?? "");
}

function tableNames(): string[] {
  const between = /<!-- configuration:[^]*?-->([^]*?)<!-- end of configuration -->/;
  const [, table = ""] = between.exec(textOf("README.md")) ?? [];
  return Array.from(table.matchAll(/^\| `([A-Z0-9_]+)`/gm), ([, name]) => name ?? "");
}
