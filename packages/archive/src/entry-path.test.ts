import { SlipwayError } from "@slipway/core";
import { expect, test } from "vitest";
import { cleanSegments, innerSymlinkTarget, quoted, symlinkTarget } from "./entry-path.ts";

test.each([
  ["app/a", ["app", "a"]],
  ["./app//a/./b/", ["app", "a", "b"]],
  ["./", []],
  ["", []],
  ["app/..a/b..", ["app", "..a", "b.."]],
  ["app/a\\b", ["app", "a\\b"]],
])("%j has the segments %j", (name, segments) => {
  expect(cleanSegments(name)).toEqual(segments);
});

test.each(["..", "a/..", "../a", "a\\..\\b", "/a", "a\0b"])("cleanSegments rejects %j", (name) => {
  expect(() => cleanSegments(name)).toThrow("The archive's entry");
});

test.each([
  ["link", "file", "file"],
  ["a/link", "../b", "../b"],
  ["a/link", "./c/../d", "./c/../d"],
  ["link", "..", "/"],
  ["link", "../other", "/other"],
  ["a/b/link", "../../../../x", "/x"],
  ["link", "/etc/hosts", "/etc/hosts"],
  ["link", "/etc/../etc/hosts", "/etc/../etc/hosts"],
  ["link", "/a/../../../etc", "/etc"],
  ["link", "/..", "/"],
  ["link", "..x/y", "..x/y"],
])("a link at %s to %s points to %s", (path, target, expected) => {
  expect(symlinkTarget(path, target)).toBe(expected);
});

test.each([
  ["link", "file"],
  ["a/link", "../b"],
  ["link", "/usr/bin/python3"],
])("a link in a build cache at %s may point to %s", (path, target) => {
  expect(innerSymlinkTarget(path, target)).toBe(target);
});

test.each([
  ["link", ".."],
  ["e", "../../etc"],
  ["a/link", "../../build/x"],
  ["link", "/../etc"],
  ["link", ""],
])("a link in a build cache at %s may not point to %j", (path, target) => {
  expect(() => innerSymlinkTarget(path, target)).toThrow(`The archive's entry "${path}" is a symbolic link`);
});

// All names of four relevant pieces: each accepted name stays below its root.
test("no accepted name leaves its root", () => {
  const pieces = ["..", ".", "", "a", "\\", "/", "..\\", "%2e%2e", "b"];
  for (let index = 0; index < pieces.length ** 4; index += 1) {
    const chosen = [0, 1, 2, 3].map(
      (digit) => pieces[Math.floor(index / pieces.length ** digit) % pieces.length],
    );
    for (const name of [chosen.join("/"), chosen.join("")]) {
      const segments = segmentsOrNone(name);
      expect(segments.every((segment) => !/^\.{0,2}$|\//.test(segment))).toBe(true);
    }
  }
});

test("quoted shortens a name and escapes control characters", () => {
  expect(quoted("a\n\u001b[0m")).toBe(String.raw`"a\n\u001b[0m"`);
  expect(quoted("x".repeat(500))).toHaveLength(203);
});

function segmentsOrNone(name: string): string[] {
  try {
    return cleanSegments(name);
  } catch (error) {
    if (error instanceof SlipwayError && error.code === "archive-invalid") return [];
    throw error;
  }
}
