import { expect, test } from "vitest";
import { TerminalText } from "./terminal-text.ts";

function cleaned(...pieces: string[]): string {
  const terminal = new TerminalText();
  return pieces.map((piece) => terminal.push(piece)).join("") + terminal.end();
}

test.each([
  ["plain text is kept", "npm ci\n\tadded 3 packages", "npm ci\n\tadded 3 packages"],
  ["colors are kept", "\x1b[1;31merror\x1b[0m", "\x1b[1;31merror\x1b[0m"],
  ["cursor movements are removed", "a\x1b[2K\x1b[1Gb\x1b[?25lc", "abc"],
  ["window titles are removed", "a\x1b]0;title\x07b\x1b]8;;http://x\x1b\\c", "abc"],
  ["control characters are removed", "a\0b\x07c\x08d\x7fe\x9bf", "abcdef"],
  ["other escape sequences are removed", "a\x1b(Bb\x1b7c\x1bMd", "abcd"],
  ["an unterminated sequence is removed", "a\x1b[31", "a"],
  ["a newline ends an unterminated title", "a\x1b]0;title\nb", "a\nb"],
])("%s", (_name, given, expected) => {
  expect(cleaned(given)).toBe(expected);
});

test("the result does not depend on how the text is chunked", () => {
  const long = `\x1b]0;${"t".repeat(3_000)}\x07`;
  const text = `a\x1b[31mb\x1b[0m\x1b]0;t\x1b\\c\x1b\x1b[2Kd\x1b]x\x1b\x1b(Be\x00${long}f\x1b[${"1;".repeat(60)}mg`;
  const whole = cleaned(text);
  expect(cleaned(...text.split(""))).toBe(whole);
  for (let cut = 1; cut < text.length; cut += 1) {
    expect(cleaned(text.slice(0, cut), text.slice(cut))).toBe(whole);
  }
});
