// The documents match the code: every error code is explained, links have targets, decisions are numbered.

import { existsSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { errorCatalog } from "@slipway/core";
import { filesOf, textOf } from "./repository.ts";

const documents = [...filesOf("*.md"), ...filesOf("docs/**/*.md"), ...filesOf(".github/**/*.md")];
const kib = 1024;
/** Maximum sizes of documents that a newcomer reads as a whole. Reference material belongs in docs/. */
const largest = { "README.md": 8 * kib, "ARCHITECTURE.md": 20 * kib };
const decisions = filesOf("docs/adr/[0-9]*.md");
const repository = join(import.meta.dirname, "..", "..");

test("docs/errors.md explains each code of the catalog under whose fault it is, and no other", () => {
  const rows = textOf("docs/errors.md").matchAll(/^\| `([a-z-]+)`\s*\| (\w+)\s*\| (\w+)/gm);
  const catalog = Object.entries(errorCatalog).map(
    ([code, { fault, retryable }]) => `${code}, ${fault}, ${retryable ? "yes" : "no"}`,
  );
  const documented = Array.from(rows, ([, code, fault, again]) => `${code}, ${fault}, ${again}`);
  expect(documented.toSorted()).toEqual(catalog.toSorted());
});

test.each(Object.entries(largest))("%s has at most %i bytes", (path, bytes) => {
  expect(Buffer.byteLength(textOf(path))).toBeLessThanOrEqual(bytes);
});

test("every document in docs/ is linked from README.md or another document there", () => {
  const linked = new Set(
    documents.flatMap((path) => linksOf(path).map((target) => normalize(join(dirname(path), target)))),
  );
  const all = documents.filter((path) => path.startsWith("docs/"));
  expect(all.filter((path) => !linked.has(path))).toEqual([]);
});

describe.each(documents)("%s", (path) => {
  test("a document links to files that exist", () => {
    expect(linksOf(path).filter((target) => !existsSync(join(repository, dirname(path), target)))).toEqual(
      [],
    );
  });

  test("a document names files of the repository that exist", () => {
    const named = found(path, /`((?:apps|packages|tools|stacks|samples|test|bench|docs)\/[\w./-]+)`/g);
    expect(named.filter((name) => !existsSync(join(repository, name)))).toEqual([]);
  });
});

test("decisions are numbered without gaps", () => {
  const numbers = decisions.map((path) => Number(basename(path).slice(0, 4)));
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));
});

test("each decision has its parts and is in the list", () => {
  const parts = /^# \d+\. .+\n[^]*\n## Context\n[^]*\n## Decision\n[^]*\n## Consequences\n/;
  expect(decisions.filter((path) => !parts.test(textOf(path)))).toEqual([]);
  expect(found("docs/adr/README.md", /\(([0-9][^)]+)\)/g)).toEqual(decisions.map((path) => basename(path)));
});

/** Relative link targets of a document, without fragments. */
function linksOf(path: string): string[] {
  return found(path, /\]\(([^)#]+)(?:#[^)]*)?\)/g).filter((target) => !/^[a-z]+:/.test(target));
}

function found(path: string, pattern: RegExp): string[] {
  return Array.from(textOf(path).matchAll(pattern), ([, first]) => first ?? "");
}
