import { expect, test } from "vitest";
import { directoriesTar, tarOwner } from "./tar-header.ts";

test("directoriesTar has each directory of the path, with its owner and a valid checksum", () => {
  const tar = Buffer.from(directoriesTar("build/app", 2000));
  expect(tar.length).toBe(4 * 512);
  expect([0, 512].map((at) => tar.toString("latin1", at, at + 100).replaceAll("\0", ""))).toEqual([
    "build/",
    "build/app/",
  ]);
  for (const at of [0, 512]) {
    const header = tar.subarray(at, at + 512);
    expect(tarOwner(header)).toBe(2000);
    const blanked = Buffer.concat([header.subarray(0, 148), Buffer.from("        "), header.subarray(156)]);
    const sum = blanked.reduce((total, byte) => total + byte, 0);
    expect(Number.parseInt(header.toString("latin1", 148, 154), 8)).toBe(sum);
  }
});

test("tarOwner returns null for a block that is not a directory's header", () => {
  expect(tarOwner(Buffer.alloc(512))).toBeNull();
  expect(tarOwner(Buffer.alloc(10))).toBeNull();
});

test("directoriesTar rejects a path that is too long for the format", () => {
  expect(() => directoriesTar("x".repeat(100), 0)).toThrow(RangeError);
});
