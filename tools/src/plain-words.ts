// Searches for phrases of a dialect: errors in the files that covered.ts lists, warnings elsewhere. --files lists these by file.

import { globSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { print, repositoryRoot, runCommand, takesOnly } from "@slipway/setup";
import { covered, everything, exempt } from "./plain-words/covered.ts";
import { type Finding, phrasesIn } from "./plain-words/phrases.ts";

await runCommand(async () => {
  const listsFiles = takesOnly("plain-words", ["--files"]).length > 0;
  const strict = new Set(filesOf(covered));
  const found = filesOf(everything).flatMap((path) => findingsOf(path));
  const errors = found.filter(({ path }) => strict.has(path));
  const warnings = found.filter(({ path }) => !strict.has(path));
  for (const { path, line, text, instead } of errors) print(`${path}:${line}: "${text}"; write: ${instead}`);
  const counts = countedBy(warnings, ({ path }) => (listsFiles ? path : folderOf(path)));
  for (const [name, count] of counts) print(`warning: ${name}: ${count}`);
  if (warnings.length > 0 && !listsFiles) print("node tools/src/plain-words.ts --files lists them by file.");
  return errors.length === 0 ? 0 : 1;
});

function findingsOf(path: string): (Finding & { path: string })[] {
  const text = readFileSync(join(repositoryRoot, path), "utf8");
  return phrasesIn(text, extname(path) === ".md").map((finding) => Object.assign(finding, { path }));
}

function filesOf(patterns: readonly string[]): string[] {
  const skipped = ["**/node_modules/**", "**/.slipway/**", ...exempt];
  return globSync(patterns, { cwd: repositoryRoot, exclude: skipped })
    .filter((path) => statSync(join(repositoryRoot, path)).isFile())
    .toSorted();
}

function countedBy<Item>(items: readonly Item[], nameOf: (item: Item) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(nameOf(item), (counts.get(nameOf(item)) ?? 0) + 1);
  return counts;
}

/** A workspace, or a folder at the root. */
function folderOf(path: string): string {
  const [first = "", second = ""] = path.split("/");
  return ["apps", "packages", "test"].includes(first) ? `${first}/${second}` : first;
}
