import { expect, test } from "vitest";
import { parseSlugIgnore } from "./slug-ignore.ts";

test.each([
  ["docs", "docs", true],
  ["docs", "docs/a/b.txt", true],
  ["/docs/", "docs/a", true],
  ["docs", "docs2", false],
  ["docs", "a/docs", false],
  ["*.log", "a.log", true],
  ["*.log", ".log", true],
  ["*.log", "dir/a.log", false],
  ["*/*.log", "dir/a.log", true],
  ["a?c", "abc", true],
  ["a?c", "ac", false],
  ["a?c", "a😀c", true],
  ["[a-c]x", "bx", true],
  ["[^a-c]x", "bx", false],
  ["[^a-c]x", "dx", true],
  ["[\\]]", "]", true],
  ["\\*", "*", true],
  ["\\*", "a", false],
  ["a*b*c", "a1b2b3c", true],
  ["a*b*c", "a1b2b3", false],
  ["*", "anything/below", true],
  ["a**b", "axyb", true],
  ["# docs", "# docs", false],
])("the pattern %j ignores the path %j: %j", (pattern, path, ignored) => {
  const { ignores, problems } = parseSlugIgnore(`\n${pattern}\r\n`);
  expect(problems).toEqual([]);
  expect(ignores(path)).toBe(ignored);
});

test.each(["[", "[]", "[a", "[a-]", "[-a]", "a\\", "[^]"])(
  "%j is malformed, ignored and reported",
  (pattern) => {
    const { ignores, problems } = parseSlugIgnore(`ok\n${pattern}`);
    expect(problems).toEqual([`.slugignore line 2: "${pattern}" is not a valid pattern`]);
    expect(ignores("ok")).toBe(true);
    expect(ignores("a")).toBe(false);
  },
);

test("a pattern with many wildcards is matched in bounded time", () => {
  const { ignores } = parseSlugIgnore(`${"a*".repeat(2000)}b`);
  expect(ignores("a".repeat(4000))).toBe(false);
});
