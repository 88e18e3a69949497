import { expect, test } from "vitest";
import { LineSplitter } from "./line-splitter.ts";
import { createMasker } from "./masker.ts";
import { seededRandom } from "../test-support/random.ts";

const noSecrets = createMasker([]);

function split(bytes: Uint8Array, sizes: Iterable<number>, secrets: string[] = [], maxChars = 64): string[] {
  const splitter = new LineSplitter(
    createMasker(secrets.map((text) => ({ variable: "TOKEN", text }))),
    maxChars,
  );
  const lines: string[] = [];
  let start = 0;
  for (const size of sizes) {
    lines.push(...splitter.push(bytes.subarray(start, start + size)));
    start += size;
  }
  return [...lines, ...splitter.push(bytes.subarray(start)), ...splitter.end()];
}

test.each([
  ["a newline ends a line", "a\nb\n", ["a", "b"]],
  ["the last line needs no newline", "a\nb", ["a", "b"]],
  ["empty lines are kept", "\n\na\n", ["", "", "a"]],
  ["a carriage return before a newline is part of the terminator", "a\r\nb\r\r\n", ["a", "b"]],
  ["only the last state of a progress bar is kept", "10%\r20%\r100%\ndone\r", ["100%", "done"]],
  ["tabs and colors are kept", "\t\x1b[32mok\x1b[0m\n", ["\t\x1b[32mok\x1b[0m"]],
  ["empty output has no lines", "", []],
])("%s", (_name, text, lines) => {
  expect(split(Buffer.from(text), [])).toEqual(lines);
});

test("invalid UTF-8 is replaced, and a character may span chunks", () => {
  const bytes = Buffer.concat([Buffer.from("€"), Buffer.from([0xff, 0x41, 0xe2, 0x82])]);
  expect(split(bytes, [1, 1, 1, 1])).toEqual(["€\ufffdA\ufffd"]);
});

test("a byte order mark is kept", () => {
  expect(split(Buffer.from("\ufeffa\n\ufeffb"), [])).toEqual(["\ufeffa", "\ufeffb"]);
});

test("a long line is split, but not within a character", () => {
  expect(split(Buffer.from("x".repeat(150)), [])).toEqual(["x".repeat(64), "x".repeat(64), "x".repeat(22)]);
  expect(split(Buffer.from(`${"x".repeat(63)}🚢y`), [])).toEqual(["x".repeat(63), "🚢y"]);
});

test("a long line is not split within a secret", () => {
  const lines = split(
    Buffer.from(`${"x".repeat(60)}correct-horse-battery${"y".repeat(60)}`),
    [],
    ["correct-horse-battery"],
  );
  expect(lines).toEqual(["x".repeat(60), `correct-horse-battery${"y".repeat(43)}`, "y".repeat(17)]);
});

test("a line without a terminator uses bounded memory", () => {
  const splitter = new LineSplitter(noSecrets, 64);
  const lines = Array.from({ length: 100 }, () => splitter.push(Buffer.alloc(1_000, "x"))).flat();
  expect(lines.join("").length).toBeGreaterThanOrEqual(100_000 - 64);
});

test("the lines do not depend on how the bytes are chunked", () => {
  const random = seededRandom(42);
  const pieces = [
    "\n",
    "\r",
    "\r\n",
    "€",
    "🚢",
    "plain ",
    "\x1b[31m",
    "\x1b]0;t\x07",
    "secret-value",
    "\0",
    "y".repeat(50),
  ];
  for (let round = 0; round < 300; round += 1) {
    const text = Array.from({ length: random(60) }, () => pieces[random(pieces.length)]).join("");
    const bytes = Buffer.concat([Buffer.from(text), Buffer.from([0xc3, 0x28, 0xf0, 0x9f])]);
    const whole = split(bytes, [], ["secret-value"]);
    const sizes = () => Array.from({ length: bytes.length }, () => random(7));
    expect(split(bytes, sizes(), ["secret-value"])).toEqual(whole);
    expect(
      split(
        bytes,
        bytes.map(() => 1),
        ["secret-value"],
      ),
    ).toEqual(whole);
  }
});
