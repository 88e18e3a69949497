import { expect, test } from "vitest";
import { checkVariable } from "./variable.ts";

const problemOf = (name: string, value: string) => {
  try {
    checkVariable(name, value);
    return null;
  } catch (error) {
    return (error as { fields?: unknown }).fields;
  }
};

test.each(["A", "_", "PATH_2", "lower", "__proto__", "x".repeat(64)])(
  "%s is a valid name of a variable",
  (name) => {
    expect(problemOf(name, "value")).toBeNull();
  },
);

test.each(["", "1A", "A-B", "A B", "A=B", "A\n", "É", "A.B", "$(id)", "x".repeat(65)])(
  "%j is not a valid name of a variable",
  (name) => {
    expect(problemOf(name, "value")).toEqual({ name: [expect.stringContaining("at most 64 characters")] });
  },
);

test.each(["", "one\ntwo", "'\"$(id)`", "🚢", "x".repeat(8 * 1024)])("a value may be %j", (value) => {
  expect(problemOf("NAME", value)).toBeNull();
});

test("the length of a value is limited in bytes, not in characters", () => {
  expect(problemOf("NAME", "ü".repeat(4 * 1024))).toBeNull();
  expect(problemOf("NAME", `${"ü".repeat(4 * 1024)}x`)).toEqual({ value: ["is longer than 8192 bytes"] });
});

test("a value with a NUL character is rejected, because no process can receive it", () => {
  expect(problemOf("NAME", "a\0b")).toEqual({ value: ["contains a NUL character"] });
});
