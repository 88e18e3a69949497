// README.md's table of variables names each one that a config.ts reads, and no other; .env.example has them all.

import { expect, test } from "vitest";
import { filesOf, textOf } from "./repository.ts";

const schemas = [...filesOf("apps/*/src/config.ts"), "packages/service/src/config.ts"];
const inSchema = /^ {2}([A-Z][A-Z0-9_]+):/gm;
/** Their default within containers is another. */
const setByCompose = new Set([
  "DATA_DIR",
  "API_HOST",
  "STREAM_HOST",
  "ROUTER_HOST",
  "RELEASES_HOST",
  "ENGINE_WORKERS",
]);
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

test(".env.example has each variable of the table, with its default where that is one value", () => {
  const shown = new Map(exampleLines().map(({ name, value }) => [name, value]));
  expect(tableNames().filter((name) => !shown.has(name))).toEqual([]);
  const differing = tableDefaults().filter(([name]) => shown.get(name) !== "" && !setByCompose.has(name));
  expect(differing.filter(([name, value]) => shown.get(name) !== value)).toEqual([]);
});

test(".env.example has no secret in it, and nothing twice", () => {
  const lines = exampleLines();
  expect(lines.filter(({ given, value }) => given && value !== "")).toEqual([]);
  expect(new Set(lines.map(({ name }) => name)).size).toBe(lines.length);
});

function exampleLines() {
  const lines = textOf(".env.example").matchAll(/^(#?)([A-Z][A-Z0-9_]+)=(.*)$/gm);
  return Array.from(lines, ([, mark, name = "", value = ""]) => ({ name, value, given: mark === "" }));
}

/** Rows whose default is one literal value. */
function tableDefaults(): [string, string][] {
  const rows = table().matchAll(/^\| `([A-Z0-9_]+)`\s*\| `([^`]+)`\s*\|/gm);
  return Array.from(rows, ([, name = "", value = ""]) => [
    name,
    value.replace("API_PORT", "4100").replace("STREAM_PORT", "4101"),
  ]);
}

function names(path: string, pattern: RegExp): string[] {
  return Array.from(textOf(path).matchAll(pattern), ([, name]) => name ?? "");
}

function tableNames(): string[] {
  return Array.from(table().matchAll(/^\| `([A-Z0-9_]+)`/gm), ([, name]) => name ?? "");
}

function table(): string {
  const between = /<!-- configuration:[^]*?-->([^]*?)<!-- end of configuration -->/;
  return between.exec(textOf("README.md"))?.[1] ?? "";
}
