import { expect, test } from "vitest";
import { logSlugIgnore } from "./push.ts";

test("the log says which lines of .slugignore have no effect, of many the first", () => {
  const lines: string[] = [];
  const log = { line: (text: string) => void lines.push(text) };
  logSlugIgnore(log, null);
  logSlugIgnore(log, "*.log\n[a\n");
  expect(lines).toEqual([' !     .slugignore line 2: "[a" is not a valid pattern']);
  logSlugIgnore(log, "[a\n".repeat(1_000));
  expect(lines).toHaveLength(21);
});
