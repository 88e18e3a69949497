import { MongoServerError } from "mongodb";
import { expect, test } from "vitest";
import { isWriteConflict } from "./failures.ts";

test.each([
  ["WriteConflict", 112, true],
  ["a deadlock in PostgreSQL under DocumentDB", 16_908_292, true],
  ["a duplicate key", 11_000, false],
])("a server error %s is a write conflict: %s, %s", (_name, code, expected) => {
  expect(isWriteConflict(new MongoServerError({ message: "x", code }))).toBe(expected);
});
