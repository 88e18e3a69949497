import { expect, test } from "vitest";
import { fitsComposer } from "./composer-constraint.ts";

test.each([
  ["8.2.36", "^8.1", true],
  ["8.2.36", "^9.0", false],
  ["8.2.36", "~8.1", true],
  ["8.2.36", "~8.1.0", false],
  ["9.0.0", "~8.1", false],
  ["8.2.36", ">=7.4,<8.2", false],
  ["8.2.36", ">=7.4 <8.3", true],
  ["8.2.36", "7.4.* | 8.2.*", true],
  ["8.2.36", "7.4.*||8.1.*", false],
  ["8.2.36", "*", true],
  ["8.2.36", "7.4 - 8.1", false],
  ["8.2.36", "dev-master", null],
])("%s and %s: %s", (version, constraint, fits) => {
  expect(fitsComposer(version, constraint)).toBe(fits);
});
